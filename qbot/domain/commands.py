"""The commands of `/env`: their types, their grammar, and the one parser.

Help, usage lines and the documentation's table are derived from `SPECS`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches

from qbot.domain import grammar
from qbot.domain.doctor_grammar import DOCTOR, Doctor
from qbot.domain.grammar import Arg, Option, Parsed, Spec
from qbot.domain.lifetime_grammar import LIFETIMES, LifetimeCommand
from qbot.domain.morning_grammar import MORNINGS, OwnDigest
from qbot.domain.names import BranchName, ServiceName, branch_name
from qbot.domain.reaper_grammar import REAPER, Reaper
from qbot.domain.release_commands import Deploy, Promote, ReleaseCommand, Rollback, RunJob
from qbot.domain.release_grammar import RELEASES
from qbot.domain.restore_grammar import RESTORES, Restore
from qbot.domain.text import words
from qbot.errors import UserError


@dataclass(frozen=True, slots=True)
class Overview:
    """Bare `/env`: my environments and buttons."""


@dataclass(frozen=True, slots=True)
class Help:
    """`help [verb]`."""

    verb: str = ""


@dataclass(frozen=True, slots=True)
class Create:
    """`create <branch>`; without a branch the form opens."""

    branch: BranchName | None
    source: str = ""  # another environment, as it was typed
    services: tuple[ServiceName, ...] = ()
    overrides: tuple[tuple[ServiceName, str], ...] = ()
    ttl: timedelta | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class List:
    """`list`; at most one of the filters, and a text that must occur in branch or name."""

    which: str = ""  # mine, all, idle, failed, or "" for the default
    text: str = ""


@dataclass(frozen=True, slots=True)
class Show:
    """`show ENV`."""

    env: str


@dataclass(frozen=True, slots=True)
class Sync:
    """`sync ENV [service...]`."""

    env: str
    services: tuple[ServiceName, ...] = ()
    prune: bool = False
    hard: bool = False
    refresh: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Delete:
    """`delete ENV`; without one the form opens. Always asks before it acts."""

    env: str = ""


Command = (
    Overview
    | Help
    | Create
    | List
    | Show
    | Sync
    | Delete
    | LifetimeCommand
    | Restore
    | OwnDigest
    | Reaper
    | Doctor
    | ReleaseCommand
)

_ENV = Arg("ENV")
_DRY_RUN = Option("dry-run", "show exactly what would be done, and do nothing")


def _create(p: Parsed) -> Create:
    branch = p.args.get("branch")
    ttl = p.value("ttl")
    return Create(
        branch=branch_name(branch) if branch else None,
        source=p.value("from") or "",
        services=grammar.services(p.values.get("services", ())),
        overrides=grammar.pairs(p.values.get("set", ()), before="--set"),
        ttl=grammar.duration(ttl, option="ttl") if ttl else None,
        dry_run=p.flag("dry-run"),
    )


def _list(p: Parsed) -> List:
    which = next((f for f in ("mine", "all", "idle", "failed") if p.flag(f)), "")
    return List(which, p.args.get("text", ""))


def _sync(p: Parsed) -> Sync:
    return Sync(
        env=p.args["ENV"],
        services=grammar.services(p.rest),
        prune=p.flag("prune"),
        hard=p.flag("hard"),
        refresh=p.flag("refresh"),
        dry_run=p.flag("dry-run"),
    )


_REGISTRY: tuple[tuple[Spec, Callable[[Parsed], Command]], ...] = (
    (
        Spec(
            "help",
            "what there is, or one command in full",
            (Arg("verb", required=False),),
            examples=("help create",),
        ),
        lambda p: Help(p.args.get("verb", "").lower()),
    ),
    (
        Spec(
            "create",
            "bring a git branch up as an environment of its own",
            (Arg("branch", required=False),),
            (
                Option("from", "services without the branch run what ENV runs", "ENV"),
                Option("services", "only these services and those of --set", "a,b"),
                Option(
                    "set", "run this branch, tag or commit of one service", "svc=ref", repeat=True
                ),
                Option("ttl", "how long it may live", "3d", unit=True),
                _DRY_RUN,
            ),
            (
                "create feat/checkout",
                "create feat/checkout --services cart,frontend --ttl 2d",
                "create feat/checkout --set cart=fix/cart-rounding --dry-run",
            ),
        ),
        _create,
    ),
    (
        Spec(
            "list",
            "the environments there are",
            (Arg("text", required=False),),
            (
                Option("mine", "only mine"),
                Option("all", "everybody's, all of them"),
                Option("idle", "those that are due to go by themselves, when and why"),
                Option("failed", "only those that need attention"),
            ),
            ("list", "list --mine", "list checkout"),
            exclusive=("mine", "all", "idle", "failed"),
        ),
        _list,
    ),
    (
        Spec(
            "show",
            "one environment or stage: services, versions, state; or one promotion",
            (Arg("STAGE|ENV"),),
            examples=("show feat/checkout", "show production", "show P-12"),
        ),
        lambda p: Show(p.args["STAGE|ENV"]),
    ),
    (
        Spec(
            "sync",
            "bring an environment to its branch's newest commits",
            (_ENV, Arg("svc", required=False, many=True)),
            (
                Option("prune", "also remove what the charts no longer contain"),
                Option("hard", "compare again without Argo CD's manifest cache"),
                Option("refresh", "also move the services that have no such branch"),
                _DRY_RUN,
            ),
            ("sync feat/checkout", "sync feat/checkout cart payments --prune"),
        ),
        _sync,
    ),
    (
        Spec(
            "delete",
            "tear an environment down and prove that nothing is left",
            (Arg("ENV", required=False),),
            examples=("delete feat/checkout",),
        ),
        lambda p: Delete(p.args.get("ENV", "")),
    ),
    *RESTORES,
    *LIFETIMES,
    *MORNINGS,
    *REAPER,
    *RELEASES,
    *DOCTOR,
)

SPECS: tuple[Spec, ...] = tuple(spec for spec, _ in _REGISTRY)
_BY_VERB = {spec.verb: (spec, build) for spec, build in _REGISTRY}
_HELP_FLAGS = ("--help", "-h")
_ALIASES = {
    "ls": "list",
    "status": "show",
    "rm": "delete",
    "up": "create",
    "undo": "rollback",
    "revert": "rollback",
    "log": "history",
    "unhold": "release",
}


def spec_of(verb: str) -> Spec:
    """The grammar of one verb.

    Raises:
        UserError: no such verb; the message names the nearest one and an example.
    """
    if entry := _BY_VERB.get(verb):
        return entry[0]
    known = {**{v: v for v in _BY_VERB}, **_ALIASES}
    near = [known[n] for n in get_close_matches(verb, known, n=1)]
    if verb in _ALIASES:
        near = [_ALIASES[verb]]
    if not near:
        raise UserError(f"There is no command `{verb[:40]}`.", hint="`help` lists what there is.")
    example = _BY_VERB[near[0]][0].examples[0]
    raise UserError(
        f"There is no command `{verb[:40]}`. Did you mean `{near[0]}`?",
        hint=f"For instance `{example}`",
    )


def verb_typed(text: str) -> str:
    """The verb of a line that can be parsed; bare `/env` is `overview`.

    Raises:
        UserError: a quote is never closed.
    """
    given = words(text)
    if _asks_help(given):
        return "help"
    return given[0].lower() if given else "overview"


def _asks_help(given: Sequence[str]) -> bool:
    """`--help`, `create --help`, `?`, `create ?`: what fingers know from elsewhere."""
    flagged = any(word in _HELP_FLAGS for word in given)
    return flagged or list(given[:1]) == ["?"] or list(given[1:]) == ["?"]


def parse(text: str) -> Command:
    """One line after the slash command -> what was asked.

    Raises:
        UserError: with what is wrong and what to type instead.
    """
    given = words(text)
    if not given:
        return Overview()
    if _asks_help(given):
        return Help("" if given[0] in {*_HELP_FLAGS, "?"} else given[0].lower())
    verb = given[0].lower()
    spec_of(verb)
    spec, build = _BY_VERB[verb]
    return build(grammar.parse_words(spec, given[1:]))


def submits(command: Command) -> bool:
    """Whether the command becomes an operation, whose key tells a repeated delivery."""
    match command:
        case Create(branch=None) | Rollback(break_glass=True, reason=""):
            return False  # a form
        case Restore(env):
            return bool(env)
        case Create() | Sync() | Deploy() | RunJob() | Promote() | Rollback():
            return True
        case _:
            return False


def has_card(text: str) -> bool:
    """Whether what was typed becomes an operation that has a card: a preview has none."""
    try:
        command = parse(text)
    except UserError:
        return False
    match command:
        case Create() | Sync() | Deploy() | Promote() | Rollback() if command.dry_run:
            return False
        case _:
            return submits(command)
