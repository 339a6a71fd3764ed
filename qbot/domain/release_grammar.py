"""The grammar of the commands about versions, stages and who may do what."""

import re
from collections.abc import Callable
from datetime import datetime

from qbot.domain import grammar
from qbot.domain.grammar import Arg, Option, Parsed, Spec
from qbot.domain.names import PromotionId
from qbot.domain.promotion import promotion_id
from qbot.domain.release_commands import (
    Can,
    Deploy,
    Diff,
    FreezeIt,
    History,
    Link,
    LockIt,
    Promote,
    Release,
    ReleaseCommand,
    Rollback,
    RunJob,
    Unfreeze,
    Unlock,
    When,
)
from qbot.errors import UserError
from qbot.redaction import redact

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{1,2}:\d{2})?")
_A_DAY = "`2026-12-24` or `2026-12-24T18:00`"
PERSON = re.compile(r"<@([UW][A-Z0-9]+)>")
_SERVICES = Arg("svc", required=False, many=True)
_REASON = Arg("reason", many=True)
_WHY = Option("reason", "why it has to be in spite of a freeze; recorded", '"TEXT"', free=True)
_DRY = Option("dry-run", "show exactly what would be done, and do nothing")


def _reason(p: Parsed, verb: str) -> str:
    text = " ".join(p.rest).strip()
    if not text:
        raise UserError(
            f"`{verb}` needs a reason: it is what others will read.",
            hint=f"For instance `{verb} production database migration`.",
        )
    return redact(text)


def _why(p: Parsed) -> str:
    """It is stored, and others read it: without what nobody should have typed."""
    return redact(p.value("reason") or "")


def _to(p: Parsed) -> PromotionId | None:
    text = p.value("to")
    if text is None:
        return None
    found = promotion_id(text)
    if found is None:
        raise UserError(
            f"`{text[:40]}` is no promotion.", hint="Write `--to P-12`; `history` lists them."
        )
    return found


def when(text: str) -> When:
    """`2h`, `2026-12-24` or `2026-12-24T18:00`.

    Raises:
        UserError: neither a duration nor a day.
    """
    if _DAY.fullmatch(text):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            raise UserError(
                f"`{text}` is no day of the calendar.", hint=f"Write {_A_DAY}."
            ) from None
    try:
        return grammar.duration(text, option="until")
    except UserError as error:
        hint = f"{error.hint} A day does as well: {_A_DAY}."
        raise UserError(str(error), hint=hint) from None


def _rollback(p: Parsed) -> Rollback:
    return Rollback(
        place=p.args["STAGE|ENV"],
        services=grammar.services(p.rest),
        to=_to(p),
        reason=_why(p),
        break_glass=p.flag("break-glass"),
        dry_run=p.flag("dry-run"),
    )


def _overrides(p: Parsed) -> Deploy:
    example = f"deploy {p.args['ENV']}"
    pairs = grammar.pairs(p.rest, before=example)
    if not pairs:
        raise UserError(
            "`deploy` needs at least one `svc=ref`.",
            hint="For instance `deploy feat/checkout cart=fix/cart-rounding`.",
        )
    return Deploy(p.args["ENV"], pairs, p.flag("dry-run"))


def _can(p: Parsed) -> Can:
    words = [p.args["verb"], *p.rest]
    person = PERSON.fullmatch(words[0])
    if person:
        words = words[1:]
    elif words[0].startswith("@"):  # Slack leaves a name that it does not know as it was typed
        raise UserError(
            f"Slack knows nobody as `{words[0][:40]}`.",
            hint="Type `@` and choose somebody from the list that opens.",
        )
    if not words:
        raise UserError("`can` needs a verb.", hint="For instance `can promote production`.")
    verb, places = words[0].lower(), words[1:]
    if verb == "promote":
        places = places[1:] or places  # the first may be where the versions are from
    if verb == "reaper":  # of what it does, stopping it is a right of its own
        verb, places = ("pause" if places[:1] in (["pause"], ["resume"]) else verb), []
    return Can(person[1] if person else "", verb, places[0] if places else "")


RELEASES: tuple[tuple[Spec, Callable[[Parsed], ReleaseCommand]], ...] = (
    (
        Spec(
            "deploy",
            "run another version of some services in an environment; `svc=default` gives it up",
            (Arg("ENV"), Arg("svc=ref", many=True)),
            (_DRY,),
            (
                "deploy feat/checkout cart=fix/cart-rounding",
                "deploy feat/checkout cart=fix/cart-rounding --dry-run",
                "deploy feat/checkout cart=default",
            ),
        ),
        _overrides,
    ),
    (
        Spec(
            "promote",
            "move versions to a stage, once enough people have approved",
            (Arg("FROM"), Arg("TO"), _SERVICES),
            (
                Option("running", "take what runs where it is not what is written", "a,b"),
                _WHY,
                _DRY,
            ),
            ("promote staging production", "promote staging production cart payments --dry-run"),
        ),
        lambda p: Promote(
            p.args["FROM"],
            p.args["TO"],
            grammar.services(p.rest),
            grammar.services(p.values.get("running", ())),
            _why(p),
            p.flag("dry-run"),
        ),
    ),
    (
        Spec(
            "rollback",
            "put a stage back to earlier versions and hold them there, or an environment until its "
            "next sync",
            (Arg("STAGE|ENV"), _SERVICES),
            (
                Option("to", "back to what there was after this promotion", "P-12"),
                Option("reason", "why; shown and recorded", '"TEXT"', free=True),
                Option("break-glass", "without approvals, for those who may; everybody is told"),
                _DRY,
            ),
            (
                "rollback production",
                "rollback production cart --to P-12",
                'rollback production cart --reason "totals are wrong"',
            ),
        ),
        _rollback,
    ),
    (
        Spec(
            "release",
            "let services that were rolled back move again",
            (Arg("STAGE"), _SERVICES),
            examples=("release production cart",),
        ),
        lambda p: Release(p.args["STAGE"], grammar.services(p.rest)),
    ),
    (
        Spec(
            "diff",
            "what differs between two stages or environments",
            (Arg("A"), Arg("B")),
            examples=("diff staging production", "diff feat/checkout staging"),
        ),
        lambda p: Diff(p.args["A"], p.args["B"]),
    ),
    (
        Spec(
            "lock",
            "keep a stage or an environment to yourself for a while",
            (Arg("STAGE|ENV"), _REASON),
            (Option("for", "how long", "2h", unit=True),),
            ("lock production --for 2h load test",),
        ),
        lambda p: LockIt(
            p.args["STAGE|ENV"],
            _reason(p, "lock"),
            grammar.duration(text, option="for") if (text := p.value("for")) else None,
        ),
    ),
    (
        Spec(
            "unlock",
            "give it free again",
            (Arg("STAGE|ENV"),),
            examples=("unlock production",),
        ),
        lambda p: Unlock(p.args["STAGE|ENV"]),
    ),
    (
        Spec(
            "freeze",
            "let nothing be promoted to a stage for a while",
            (Arg("STAGE"), _REASON),
            (Option("until", "a duration or a day", "2026-12-24T18:00", unit=True),),
            ("freeze production --until 4h incident 42",),
        ),
        lambda p: FreezeIt(
            p.args["STAGE"],
            _reason(p, "freeze"),
            when(text) if (text := p.value("until")) else None,
        ),
    ),
    (
        Spec(
            "unfreeze",
            "end a freeze",
            (Arg("STAGE"),),
            examples=("unfreeze production",),
        ),
        lambda p: Unfreeze(p.args["STAGE"]),
    ),
    (
        Spec(
            "history",
            "what was done to a stage or an environment, newest first",
            (Arg("STAGE|ENV"),),
            examples=("history production",),
        ),
        lambda p: History(p.args["STAGE|ENV"]),
    ),
    (
        Spec(
            "can",
            "whether somebody may do something, and by which rule",
            (Arg("verb"), Arg("STAGE|ENV", required=False, many=True)),
            examples=("can promote production", "can @chloe rollback production"),
        ),
        _can,
    ),
    (
        Spec(
            "run",
            "run a named job for a stage or an environment",
            (Arg("STAGE|ENV"), Arg("job")),
            (_WHY,),
            examples=("run feat/checkout smoke",),
        ),
        lambda p: RunJob(p.args["STAGE|ENV"], p.args["job"], _why(p)),
    ),
    (
        Spec(
            "link",
            "connect your GitLab account, which approving needs",
            examples=("link",),
        ),
        lambda _: Link(),
    ),
)
