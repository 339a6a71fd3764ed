"""What happens to the change itself after it was asked for."""

import pytest

from qbot.domain import actions
from tests.refusals.production import CONFIG, Change, Production
from tests.stages import versions

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]
SERVICES = 51  # each third has a version to promote
FOREIGN = "somebody else's commit was added to its branch"
CHANGED = "what the stage runs has changed since"
DAY = 24 * 3600.0
MERGE = "PUT /api/v4/projects/shop%2Fdeployments/merge_requests"


async def retagged(production: Production, change: Change, tag: str) -> None:
    """Somebody writes another version into the stage's file, beside Qbot."""
    text, old = await production.text(change.file), await production.tag(change.file)
    new = text.replace(old, f'  tag: "{tag}"')
    await production.push("main", {change.file: new})


@pytest.mark.incident("approval-reused")
async def test_nobody_answers_in_time(production: Production) -> None:
    change = await production.asked()
    await production.approved(change, "chloe")
    await production.pass_time(DAY)
    shown = await production.shows(change, f"Expired: {change.name}")
    assert "Not enough people approved it in time." in shown
    entry = await production.audited(change, action="promotion.expired")
    assert "in time" in entry["detail"]["headline"]
    sentence = f"{change.name} has expired. Ask for it again."
    await production.refused(change, sentence, user="dan", stale=True)
    await production.audited(change, rule="expired", outcome="refused")


async def test_a_commit_on_its_branch_voids_what_was_said(production: Production) -> None:
    change = await production.asked()
    await production.approved(change, "chloe")
    await production.push(change.branch, {"production/other.yaml": "hidden: true\n"})
    await production.pass_time()
    shown = await production.shows(change, "Waiting for 2 approvals", "no longer count")
    assert f": {FOREIGN}" in shown
    await production.audited(change, action="promotion.voided", why=FOREIGN)
    assert "hidden" not in (await production.text(change.file, change.branch))


@pytest.mark.incident("approval-reused")
async def test_another_value_in_the_stage_voids_what_was_said(production: Production) -> None:
    change = await production.asked()
    await production.approved(change, "chloe")
    await retagged(production, change, "f" * 40)
    await production.pass_time()
    shown = await production.shows(change, "Waiting for 2 approvals", "no longer count")
    assert f": {CHANGED}" in shown
    assert "`ffffffff → " in shown
    await production.audited(change, action="promotion.voided", why=CHANGED)


async def test_an_unrelated_commit_voids_nothing(production: Production) -> None:
    change = await production.asked()
    await production.approved(change, "chloe")
    await production.push("main", {"README.md": "Other matters.\n"})
    await production.pass_time()
    await production.approved(change, "dan")
    await production.goes_on(change)
    assert "no longer count" not in await production.shows(change)


async def test_a_button_of_an_earlier_version(production: Production) -> None:
    change = await production.asked()
    await retagged(production, change, "e" * 40)
    await production.pass_time()
    await production.shows(change, "`eeeeeeee → ")
    blocks = [b for b in change.card["blocks"] if b["type"] == "actions"]
    (value,) = [e["value"] for b in blocks for e in b["elements"]
                if e["action_id"] == actions.APPROVE]  # fmt: skip
    sentence = f"That button belongs to an earlier version of {change.name}"
    await production.refused(change, sentence, user="chloe", stale=True, value=value)
    await production.audited(change, rule="stale", outcome="refused")
    await production.shows(change, "Waiting for 2 approvals")


@pytest.mark.incident("late-commit")
async def test_the_head_moves_between_approval_and_merge(production: Production) -> None:
    change = await production.asked(held=True)
    await production.approved(change)
    await production.shows(change, "Merging")
    await production.push(change.branch, {change.file: "image: {tag: evil}\n"})
    shown = await production.shows(change, "Waiting for 2 approvals", "no longer count")
    assert shown.count(FOREIGN) == 1
    assert "Approvals by <@" in shown  # of both, in one line
    await production.audited(change, action="promotion.voided", why=FOREIGN)
    assert not await production.merged(change)
    assert "evil" not in await production.text(change.file)


async def test_a_conflict_is_resolved_anew_while_the_change_is_the_same(
    production: Production,
) -> None:
    change = await production.asked(held=True)
    await production.approved(change)
    await production.shows(change, "Merging")
    await production.merge_request(change, "conflict")
    await production.goes_on(change)
    assert "no longer count" not in await production.shows(change)
    assert "# changed meanwhile" in await production.tag(change.file)
    done = [row["action"] for row in await production.log() if row["promotion"] == change.name]
    assert done.count("promotion.proposed") == 2


async def test_a_conflict_over_the_value_asks_anew(production: Production) -> None:
    change = await production.asked(held=True)
    await production.approved(change)
    await production.shows(change, "Merging")
    await retagged(production, change, "d" * 40)
    shown = await production.shows(change, "Waiting for 2 approvals", "no longer count")
    assert shown.count(CHANGED) == 1
    assert "Approvals by <@" in shown
    await production.audited(change, action="promotion.voided", why=CHANGED)
    assert not await production.merged(change)


async def test_its_pipeline_fails(production: Production) -> None:
    change = await production.asked(held=True)
    await production.approved(change)
    await production.shows(change, "Merging")
    await production.pipeline(change.branch, "failed")
    shown = await production.shows(change, f"Failed: {change.name}")
    assert f"{change.name} cannot be merged: its pipeline failed." in shown
    assert "press Retry, or Withdraw" in shown
    entry = await production.audited(change, action="promotion.failed")
    assert "its pipeline failed" in entry["detail"]["headline"]
    assert not await production.merged(change)


async def test_somebody_closes_the_merge_request_in_gitlab(production: Production) -> None:
    change = await production.asked()
    await production.merge_request(change, "close")
    await production.pass_time()
    shown = await production.shows(change, f"Closed: {change.name}")
    assert "Its merge request was closed by hand in GitLab." in shown
    entry = await production.audited(change, action="promotion.closed")
    assert "was closed by hand" in entry["detail"]["headline"]
    sentence = f"The merge request of {change.name} was closed. Ask for it again."
    await production.refused(change, sentence, user="chloe", stale=True)


async def test_somebody_merges_in_gitlab_past_the_approvals(production: Production) -> None:
    change = await production.asked()
    await production.merge_request(change, "merge")
    await production.pass_time()
    shown = await production.shows(change, f"Merged past Qbot: {change.name}")
    assert "merged it by hand in GitLab, past Qbot, when it had 0 of 2 approvals." in shown
    entry = await production.audited(change, action="promotion.bypassed")
    assert entry["detail"]["approvals"] == "0 of 2"
    await production.refused(change, change.name, user="chloe", stale=True)


async def test_the_configuration_is_read_only_since_the_approval(production: Production) -> None:
    change = await production.asked(held=True)
    await production.approved(change)
    await production.shows(change, "Merging")
    await production.drive.post("project", project=CONFIG, archived=True)
    try:
        await production.pipeline(change.branch, "success")
        shown = await production.shows(change, f"Failed: {change.name}")
        assert "GitLab does not let Qbot write to merge request" in shown
        assert "Nothing was changed in *production*." in shown
        await production.audited(change, action="promotion.failed")
    finally:
        await production.drive.post("project", project=CONFIG, archived=False)


async def test_a_merge_that_gitlab_refused_is_made_and_deployed_by_retry(
    production: Production,
) -> None:
    change = await production.asked(held=True)
    await production.approved(change)
    await production.shows(change, "Merging")
    await production.drive.post("fault", vendor="gitlab", match=MERGE, kind="403", times=1)
    await production.pipeline(change.branch, "success")
    shown = await production.shows(change, f"Failed: {change.name}")
    assert "GitLab does not let Qbot write to merge request" in shown
    await production.retried(change)
    await production.shows(change, f"Done: {change.name}", "runs its new version")
    assert await production.merged(change)
    new = (await versions(production.drive, "staging"))[change.service]
    assert (await versions(production.drive, "production"))[change.service] == new
    assert [m["state"] for m in await production.merge_requests(change)] == ["merged"]


async def test_the_configuration_is_read_only_from_the_start(production: Production) -> None:
    service = await production.service()
    await production.drive.post("project", project=CONFIG, archived=True)
    try:
        told = await production.failed(service)
        assert "GitLab does not let Qbot write to branch qbot/" in told
        assert "Nothing was changed in *production*." in told
        await production.audited(None, action="promotion.failed")
    finally:
        await production.drive.post("project", project=CONFIG, archived=False)
