"""Where people open environments: nowhere, while one lacks the service that answers there."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Protocol

from qbot.domain.branches import NoteDue
from qbot.domain.environment import Environment
from qbot.domain.names import EnvId, ServiceName
from qbot.domain.operation import EnvironmentSummary
from qbot.domain.rules import Rules


class Members(Protocol):
    """The part of the store that is needed here."""

    async def having(self, service: ServiceName) -> Collection[EnvId]:
        """The living environments that have this service."""


def to_open(
    env: Environment, rules: Rules, *, also: Collection[ServiceName] = frozenset()
) -> Environment:
    """The same with its plans; without a URL where nobody answers at it.

    Args:
        env: it.
        rules: which service answers.
        also: services that it gets, besides those planned.
    """
    here = {p.service for p in env.plans} | set(also)
    return replace(env, url=rules.answered(env.url, here))


async def with_ways(store: Members, rules: Rules, due: Sequence[NoteDue]) -> list[NoteDue]:
    """The same of what merge requests are told."""
    if rules.door is None:
        return list(due)
    open_ones = await store.having(rules.door)
    return [d if d.env in open_ones else replace(d, url="") for d in due]


async def with_doors(
    store: Members, rules: Rules, rows: Sequence[EnvironmentSummary]
) -> list[EnvironmentSummary]:
    """The same of rows, which have no plans."""
    if rules.door is None:
        return list(rows)
    open_ones = await store.having(rules.door)
    return [
        r
        if r.environment.id in open_ones
        else replace(r, environment=to_open(r.environment, rules))
        for r in rows
    ]
