"""Who is listened for, and who knocks at those that are away."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from random import SystemRandom
from typing import Self

from qbot.app.ending import in_background
from qbot.domain.meters import Called
from qbot.domain.outages import Outages, Presence, Vendor
from qbot.domain.ports import Clock
from qbot.gateways.hearing import Hearing, knock

Knock = tuple[Hearing, Callable[[], Awaitable[object]]]


@dataclass(frozen=True, slots=True)
class Ears:
    """One for each neighbour; `argocd` by the instance's name in the settings."""

    database: Hearing
    slack: Hearing
    gitlab: Hearing
    argocd: Mapping[str, Hearing]

    @classmethod
    def of(cls, instances: Iterable[str], clock: Clock, called: Called) -> Self:
        """Those of one Qbot; `called` is told of the calls as well."""
        names = list(instances)
        several = len(names) > 1
        return cls(
            Hearing(Presence(Vendor.DATABASE, "Qbot's database"), clock),
            Hearing(Presence(Vendor.SLACK, "Slack"), clock, called),
            Hearing(Presence(Vendor.GITLAB, "GitLab"), clock, called),
            {
                name: Hearing(
                    Presence(
                        Vendor.ARGOCD, f"Argo CD {name}" if several else "Argo CD", server=name
                    ),
                    clock,
                    called,
                )
                for name in names
            },
        )

    @property
    def outages(self) -> Outages:
        """Of all of them."""
        ears = (self.database, self.slack, self.gitlab, *self.argocd.values())
        return Outages([ear.presence for ear in ears])


def begin_to_knock(knocks: Iterable[Knock], stack: AsyncExitStack) -> None:
    """In the background; the stack ends it. Of the database there are always some that ask."""
    jitter = SystemRandom().random
    for ear, ask in knocks:
        knocks_at = knock(ear.presence, ask, ear.clock, jitter)
        in_background(knocks_at, f"knock at {ear.presence.name}", stack)
