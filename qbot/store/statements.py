"""What a transaction script may yield, and what a driver must do with it.

The SQL is common to both databases but for these marks: `?` a parameter, `{NOW}` the database's
clock in seconds, `{HOLD}` hold the rows of `o` until the transaction ends, `{SKIP}` the same but
without those that another transaction holds, `{SEQ}` a growing number as primary key.
"""

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from qbot.errors import PermanentError


class Row(Protocol):
    """A row of either driver: columns by name."""

    def __getitem__(self, name: str, /) -> Any: ...


class Channel(StrEnum):
    """What listeners can be woken for."""

    WORK = "work"  # something may be claimable
    CANCEL = "cancel"  # somebody asked a running operation to stop
    CARDS = "cards"  # a card should show something new


class Turnstile(StrEnum):
    """Transactions that must not overlap, even between processes."""

    MIGRATE = "migrate"
    SUBMIT = "submit"
    CLAIM = "claim"


@dataclass(frozen=True, slots=True)
class Query:
    """One SQL statement with its parameters; a `patient` one may take minutes."""

    text: str
    params: tuple[Any, ...] = ()
    patient: bool = False


@dataclass(frozen=True, slots=True)
class Alone:
    """The only statement of its script: PostgreSQL needs one round trip for it and not three.

    There it is committed once it has run, so what follows must not fail; a second statement does.
    """

    query: Query


@dataclass(frozen=True, slots=True)
class Pass:
    """Enter a turnstile until the transaction ends; the row's `passed` says whether it could.

    Without `wait` a busy turnstile is left alone: `passed` is false.
    """

    turnstile: Turnstile
    wait: bool = True


@dataclass(frozen=True, slots=True)
class Notify:
    """Wake the listeners of a channel once the transaction is committed."""

    channel: Channel


@dataclass(frozen=True, slots=True)
class CutFrozen:
    """End the sessions of workers that stopped for seconds in the middle of a transaction."""


Statement = Query | Alone | Pass | Notify | CutFrozen
T = TypeVar("T")
Script = Generator[Statement, list[Row], T]


def sql(text: str, *params: Any) -> Query:
    """A statement with its parameters in order."""
    return Query(text, params)


def patient(text: str, *params: Any) -> Query:
    """One that looks at whole tables, as a change of the schema does."""
    return Query(text, params, patient=True)


def alone(text: str, *params: Any) -> Alone:
    """The same for a script that has no other statement."""
    return Alone(Query(text, params))


def not_alone() -> PermanentError:
    """What a script is told that has another statement all the same: a bug in it."""
    return PermanentError("a script went on after its only statement")


def listed(words: Iterable[str]) -> str:
    """For `? like '%,' || column || ',%'`: a list of any length in a statement that is constant."""
    return "".join(f",{word}" for word in words) + ","


class Driver(Protocol):
    """One database. Raises TransientError while it is away, PermanentError where it refuses."""

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgres`."""

    async def run(self, script: Script[T]) -> T:
        """Run one transaction, all or nothing."""

    def listen(self, channel: Channel, wake: Callable[[], None]) -> None:
        """Call `wake` in the event loop after commits that notify `channel`."""

    async def close(self) -> None:
        """Let go of the database."""
