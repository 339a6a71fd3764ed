"""Whether what was merged still stands: deployed again would be whatever came after it, too."""

import asyncio
from collections.abc import Mapping, Sequence

from qbot.domain.names import PromotionId, ServiceName
from qbot.domain.promotion import Edit, promotion_name
from qbot.domain.undoing import changed_since
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
    gone = {s: later.id for s, later in changed_since(case.promotion, rows).items()}
    taken = await _kept(case, [s for s in plan.services if s not in gone])
    case.leave_out({**gone, **taken})
    edits = [edit for edit in plan.edits if edit.service in case.services]
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
    told = [
        *(f"Left out, as {by} has changed it since: {names}." for by, names in _by(gone)),
        *(f"Left alone, as {by} rolls back: {names}." for by, names in _by(taken)),
    ]
    return " ".join(told)


async def _kept(case: Case, services: Sequence[ServiceName]) -> Mapping[ServiceName, PromotionId]:
    """Those that somebody else has."""
    places = await case.run.call(
        "the database", lambda: case.context.promotions.places(case.stage.name)
    )
    mine = case.promotion.id
    return {s: number for s in services if (number := places.get(s, mine)) != mine}


def _by(left: Mapping[ServiceName, PromotionId]) -> list[tuple[str, str]]:
    """For each promotion that has some its name, and theirs."""
    return [
        (promotion_name(number), named(sorted(s for s, by in left.items() if by == number)))
        for number in sorted(set(left.values()))
    ]


def _said(edit: Edit, now: str) -> str:
    value = f"`{short(now)}`" if now else "nothing"
    return f"`{edit.service}` is at {value} now, not at `{short(edit.new)}` as it wrote"
