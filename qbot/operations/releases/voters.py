"""Whether there are people enough who could ever say yes to something."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from qbot.domain.approvals import Person
from qbot.domain.names import ServiceName
from qbot.domain.people import Actor
from qbot.domain.promotion import Plan
from qbot.domain.stages import ApprovalRule
from qbot.errors import PermanentError, TransientError, UserError
from qbot.operations.releases.context import ReleaseContext

_ASKED = 20  # people who are looked at; where more have a role nobody counts them
_LOOKED_AT = 5  # people of a role: with more of them there are enough, or it is not they who lack
_NAMED = 6


@dataclass(frozen=True, slots=True)
class Voters:
    """Who could say yes beside who did; `others`: accounts in GitLab of nobody in Slack's sight."""

    able: tuple[Person, ...]
    others: int
    endless: bool = False  # more than are worth counting

    def short_of(self, count: int) -> bool:
        """Whether so many will never come together."""
        return not self.endless and len(self.able) + self.others < count


async def ensure_enough(
    context: ReleaseContext, rule: ApprovalRule, plan: Plan, asker: Actor
) -> None:
    """Before anybody is asked. Best effort: where it cannot be known nothing is refused.

    Raises:
        UserError: it could never be approved; says who may, and what to do.
    """
    if never := await never_enough(context, rule, plan, asker):
        raise never


async def never_enough(
    context: ReleaseContext, rule: ApprovalRule, plan: Plan, asker: Actor
) -> UserError | None:
    """What `ensure_enough` raises."""
    wrote = frozenset() if rule.by_authors else plan.wrote
    return await too_few(context, rule, asker, services=plan.services, wrote=wrote)


async def too_few(
    context: ReleaseContext,
    rule: ApprovalRule,
    asker: Actor,
    *,
    services: Collection[ServiceName] = (),
    wrote: frozenset[int] = frozenset(),
) -> UserError | None:
    """What to say where it could never be approved if this person asks; None: it could, or so."""
    for count, roles, what in _wanted(rule, services):
        found = await voters(context, rule, roles, asker, wrote=wrote)
        if found is not None and found.short_of(count):
            return _never(found, count, roles, what)
    return None


async def exemption_works(
    context: ReleaseContext, rule: ApprovalRule, roles: Collection[str]
) -> bool:
    """Whether somebody of these roles could ask, with people enough left who approve it.

    Of two release managers neither can where it takes both.
    """
    try:
        holders = await context.people.holders(roles)
    except (TransientError, PermanentError):
        return True
    for asker in holders[:_LOOKED_AT]:
        if await too_few(context, rule, asker) is None:
            return True
    return False


async def left(
    context: ReleaseContext,
    rule: ApprovalRule,
    asker: Actor,
    *,
    missing: int,
    said: Collection[Actor],
    wrote: frozenset[int] = frozenset(),
) -> bool:
    """Whether those who have not spoken yet could still give what is missing."""
    if not missing or not rule.roles:
        return True
    found = await voters(context, rule, rule.roles, asker, said=said, wrote=wrote)
    return found is None or not found.short_of(missing)


async def voters(
    context: ReleaseContext,
    rule: ApprovalRule,
    roles: Collection[str],
    asker: Actor,
    *,
    said: Collection[Actor] = (),
    wrote: frozenset[int] = frozenset(),
) -> Voters | None:
    """Those with one of these roles whose yes would count; None: it is not known.

    `wrote`: accounts whose yes does not count as they wrote some of it.
    """
    people = context.people
    try:
        holders = await people.holders(roles)
        if len(holders) > _ASKED:
            return Voters((), 0, endless=True)
        *persons, requester = await people.persons([*holders, asker])
        accounts = await people.accounts(roles)
    except (TransientError, PermanentError):
        return None
    out = [p for p in persons if p.actor in said]
    if not rule.by_requester:
        out.append(requester)
    gone = wrote | {p.account.id for p in out if p.account}
    able = {
        p.account.id: p
        for p in persons
        if p.active and p.account and p.account.id not in gone and p.actor != asker
    }
    mine = requester.account
    if rule.by_requester and requester in persons and mine and mine.id not in gone:
        able.setdefault(mine.id, requester)
    known = gone | {p.account.id for p in persons if p.account}
    return Voters(tuple(able.values()), len(accounts - known))


def _wanted(
    rule: ApprovalRule, services: Collection[ServiceName]
) -> Sequence[tuple[int, Collection[str], str]]:
    """How many of whom, and for what; where everybody may there is nothing to count."""
    found: list[tuple[int, Collection[str], str]] = []
    if rule.count and rule.roles:
        found.append((rule.count, rule.roles, "this"))
    teams: Mapping[ServiceName, tuple[str, ...]] = rule.teams
    found += [(1, teams[s], f"the change of `{s}`") for s in services if teams.get(s)]
    return found


def _never(found: Voters, count: int, roles: Collection[str], what: str) -> UserError:
    among = " or ".join(f"`{role}`" for role in roles)
    many = "1 approval" if count == 1 else f"{count} approvals"
    return UserError(
        f"{what[0].upper()}{what[1:]} can never be approved: it takes {many} by {among} beside who "
        f"asks, and {'too few' if found.able else 'nobody'} can give that.",
        hint=f"Let somebody ask who is not of {among}, or have more people join. An account in "
        "GitLab is needed to approve.",
        only=[p.actor.user for p in found.able[:_NAMED]],
    )
