"""The merge request stays at exactly the change that people are asked about."""

import asyncio
from dataclasses import replace

from qbot.domain.promotion import Plan
from qbot.domain.repository_ports import MergeRequest
from qbot.operations.releases.case import Case
from qbot.operations.releases.proposing import is_exactly, remade, values
from qbot.operations.releases.rulings import Ruled, Ruling, spoken
from qbot.operations.releases.voiding import foreign, told_off


async def kept_exact(case: Case, merge_request: MergeRequest) -> Ruled | None:
    """Keep the merge request at exactly the change that people are asked about."""
    repository, plan = case.context.repository, case.plan
    tip = await case.run.call("GitLab", lambda: repository.head(plan.project, plan.branch))
    if tip is None:
        return Ruled(Ruling.CLOSED, f"The branch {plan.branch} of {plan.project} is gone.")
    now = await _as_of(case, tip)
    if not now.edits:
        return Ruled(
            Ruling.CLOSED, f"{plan.stage} runs all of it already: nothing is left to change."
        )
    head = await _head(case, merge_request)
    if head != case.merge_request.sha:
        own = await case.run.call("GitLab", lambda: _is_own(case, head))
        why = "" if own else await foreign(case, head, same=now.digest == plan.digest)
        # Whose word is void by it is told of that.
        unheard = why and all(a.void for a in await spoken(case))
        await remade(case, now, tip, seen=head, why=why)
        if unheard:
            await told_off(case, why)
        return None
    behind = merge_request.status in ("need_rebase", "conflict") or merge_request.conflicts
    behind = behind and tip != case.merge_request.base
    if behind and now.merges:
        why = f"{plan.branch} has changed so that it does not take the other branch as a whole"
        await remade(case, replace(now, merges=""), tip, seen=head, why=why)
    elif behind or now.digest != plan.digest:
        await remade(case, now, tip, seen=head, why="")
    return None


async def _head(case: Case, merge_request: MergeRequest) -> str:
    """Of its branch: a merge request shows an earlier one for a moment longer."""
    ref, seen = case.merge_request, merge_request.sha
    if seen == ref.sha:
        return seen
    repository = case.context.repository
    return await case.run.call("GitLab", lambda: repository.head(ref.project, ref.branch)) or seen


async def _is_own(case: Case, head: str) -> bool:
    parents = await case.context.repository.parents(case.plan.project, head)
    return len(parents) == 1 and await is_exactly(case, case.plan, parents[0], head)


async def _as_of(case: Case, tip: str) -> Plan:
    """The plan over the values that the stage's branch has now.

    A whole branch is merged only where that brings what was shown: else the versions alone.
    """
    plan = case.plan
    if tip == case.merge_request.base:
        return plan
    files = await case.run.call("GitLab", lambda: case.files(plan, tip))
    there = await asyncio.to_thread(values, case, plan.edits, files)
    edits = tuple(
        replace(e, old=there[e.file, e.key]) for e in plan.edits if there[e.file, e.key] != e.new
    )
    old = {e.service: e.old for e in edits}
    items = tuple(
        item
        if item.old.text == old[item.service]
        else replace(item, old=replace(item.old, text=old[item.service], sha=""), commits=None)
        for item in plan.items
        if item.service in old
    )
    return replace(
        plan, edits=edits, items=items, merges=plan.merges if edits == plan.edits else ""
    )
