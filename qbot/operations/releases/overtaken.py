"""Whether what was merged still stands: deployed again would be whatever came after it, too."""

import asyncio
from collections.abc import Sequence

from qbot.domain.names import ServiceName
from qbot.domain.promotion import Edit, promotion_name
from qbot.domain.undoing import standing
from qbot.errors import UserError
from qbot.operations.outcome import named
from qbot.operations.releases.case import Case
from qbot.operations.releases.offers import short
from qbot.operations.releases.proposing import values
from qbot.operations.releases.reaching import merged_like


async def still_written(case: Case) -> str:
    """Compare the tip of the stage's branch with what the promotion wrote.

    What a later promotion or rollback has changed since is that one's, and left out; so is what
    a rollback is about to change. Answers both, in sentences.

    Raises:
        UserError: something has changed a value since; names each with what it is now.
    """
    plan, repository = case.plan, case.context.repository
    rows = await case.run.call("the database", lambda: merged_like(case.context, case.promotion))
    left, later = standing(case.promotion, rows)
    gone = [service for service in plan.services if service not in left]
    changed = f"Left out, as {later.name} has changed it since: {named(gone)}." if later else ""
    left, kept = await _kept(case, left)
    case.left_out = frozenset(plan.services) - set(left)
    edits = [edit for edit in plan.edits if edit.service in left]
    paths = {edit.file for edit in edits}
    files = await case.run.call(
        "GitLab", lambda: repository.files(plan.project, plan.branch, paths)
    )
    there = await asyncio.to_thread(values, case, edits, files)
    if others := [e for e in edits if there[e.file, e.key] != e.new]:
        said = "; ".join(_said(edit, there[edit.file, edit.key]) for edit in others)
        raise UserError(
            f"{case.promotion.name} is overtaken: in {plan.branch} of {plan.project} {said}.",
            hint="Abandon puts an end to it; a new promotion brings what shall run.",
        )
    return f"{changed} {kept}".strip()


async def _kept(case: Case, services: Sequence[ServiceName]) -> tuple[tuple[ServiceName, ...], str]:
    """Those that nobody else has."""
    places = await case.run.call(
        "the database", lambda: case.context.promotions.places(case.stage.name)
    )
    mine = case.promotion.id
    taken = {s: number for s in services if (number := places.get(s, mine)) != mine}
    if not taken:
        return tuple(services), ""
    names = ", ".join(promotion_name(number) for number in sorted(set(taken.values())))
    left = tuple(s for s in services if s not in taken)
    return left, f"Left alone, as {names} rolls back: {named(sorted(taken))}."


def _said(edit: Edit, now: str) -> str:
    value = f"`{short(now)}`" if now else "nothing"
    return f"`{edit.service}` is at {value} now, not at `{short(edit.new)}` as it wrote"
