"""Exceptions in qbot.yaml that nobody can make use of: for warnings, as the file is not wrong.

Who is in a group is not known here: of groups it is said who would have to be in both.
"""

from collections.abc import Iterator, Sequence

from qbot.catalog.names import EVERYBODY
from qbot.catalog.stages import ApprovalsPart, StagePart
from qbot.catalog.whole import Catalog

_ASKING = ("promote", "rollback", "run")  # commands that an exempt role gives a `--reason`


def unusable(catalog: Catalog) -> Iterator[str]:
    """A sentence for each, which begins with its key."""
    for stage in catalog.stages:
        exempt, glass = f"stages.{stage.name}.exempt", stage.rollback.break_glass
        if all(_why(catalog, stage.exempt, verb) for verb in _ASKING):
            yield f"{exempt}: {_why(catalog, stage.exempt, 'promote')}"
        elif _too_few(catalog, stage):
            few = "whoever of them asks, too few of approvals.roles are left to approve"
            yield f"{exempt}: nobody can promote with it: {few}"
        if why := _why(catalog, glass, "rollback"):
            yield f"stages.{stage.name}.rollback.break_glass: {why}"


def _why(catalog: Catalog, roles: Sequence[str], verb: str) -> str:
    """Why a policy leaves nobody of these roles that command for sure; empty: it does."""
    allowed = catalog.policy[verb].roles if verb in catalog.policy else (EVERYBODY,)
    if not roles or EVERYBODY in allowed or not set(roles).isdisjoint(allowed):
        return ""
    mine, theirs = _people(catalog, roles), _people(catalog, allowed)
    lets = f"policy.{verb} lets only {_named(allowed)}"
    if mine is None or theirs is None:
        return f"only who of {_named(roles)} is in another role as well can use it: {lets}"
    return "" if mine & theirs else f"nobody can use it: {lets}"


def _too_few(catalog: Catalog, stage: StagePart) -> bool:
    """Whether each exempt person, asking for a promotion, is one whose approval it lacks."""
    exempt = _people(catalog, stage.exempt)
    voters = _people(catalog, stage.approvals.roles)
    if not exempt or voters is None:
        return False
    return all(_left(stage.approvals, voters, asks) < stage.approvals.count for asks in exempt)


def _left(rule: ApprovalsPart, voters: frozenset[str], asks: str) -> int:
    return len(voters if rule.self_ else voters - {asks})


def _people(catalog: Catalog, roles: Sequence[str]) -> frozenset[str] | None:
    """Who has one of them; None: a group, of which more is not known."""
    if EVERYBODY in roles:
        return None
    parts = [catalog.roles[role] for role in roles]
    if any(part.slack or part.gitlab for part in parts):
        return None
    return frozenset(user for part in parts for user in part.people)


def _named(roles: Sequence[str]) -> str:
    return " and ".join(f"`{role}`" for role in roles)
