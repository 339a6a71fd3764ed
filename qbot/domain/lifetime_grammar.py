"""The commands about how long an environment lives and whose it is, and their grammar."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from qbot.domain import grammar
from qbot.domain.grammar import Arg, Option, Parsed, Spec
from qbot.domain.release_commands import When
from qbot.domain.release_grammar import PERSON, when
from qbot.redaction import redact

_ENV = Arg("ENV")


@dataclass(frozen=True, slots=True)
class Extend:
    """`extend ENV 2d`."""

    env: str
    by: timedelta


@dataclass(frozen=True, slots=True)
class PinIt:
    """`pin ENV [reason...] [--until D]`."""

    env: str
    reason: str = ""
    until: When | None = None


@dataclass(frozen=True, slots=True)
class Unpin:
    """`unpin ENV`."""

    env: str


@dataclass(frozen=True, slots=True)
class Transfer:
    """`transfer ENV @user`."""

    env: str
    user: str  # a Slack id; empty: what was typed is no mention


LifetimeCommand = Extend | PinIt | Unpin | Transfer


def _pin(p: Parsed) -> PinIt:
    text = p.value("until")
    return PinIt(p.args["ENV"], redact(" ".join(p.rest).strip()), when(text) if text else None)


def _transfer(p: Parsed) -> Transfer:
    person = PERSON.fullmatch(p.args["@user"])
    return Transfer(p.args["ENV"], person[1] if person else "")


LIFETIMES: tuple[tuple[Spec, Callable[[Parsed], LifetimeCommand]], ...] = (
    (
        Spec(
            "extend",
            "let an environment live longer, from now or from its end, whichever is later",
            (_ENV, Arg("2d", unit=True)),
            examples=("extend feat/checkout 2d", "extend feat/checkout 4h"),
        ),
        lambda p: Extend(p.args["ENV"], grammar.duration(p.args["2d"])),
    ),
    (
        Spec(
            "pin",
            "keep an environment whatever its lifetime, for good or until a day",
            (_ENV, Arg("reason", required=False, many=True)),
            (Option("until", "a duration or a day", "2026-12-24T18:00", unit=True),),
            ("pin feat/checkout --until 1w demo for sales", "pin feat/checkout"),
        ),
        _pin,
    ),
    (
        Spec(
            "unpin",
            "end that: it has its lifetime back, and a day at least",
            (_ENV,),
            examples=("unpin feat/checkout",),
        ),
        lambda p: Unpin(p.args["ENV"]),
    ),
    (
        Spec(
            "transfer",
            "give an environment to somebody else",
            (_ENV, Arg("@user")),
            examples=("transfer feat/checkout @chloe",),
        ),
        _transfer,
    ),
)
