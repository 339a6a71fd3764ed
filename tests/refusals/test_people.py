"""Whose press does not count, and what they are told."""

import asyncio
from dataclasses import replace

import pytest

from tests.refusals.production import MANAGERS, Production, press_is_refused

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]
GROUPS_KEPT = 610.0  # seconds for which Qbot believes who is in a group of GitLab: nobody tells it
SERVICES = 39  # each third has a version to promote


async def test_who_asked_for_it(production: Production) -> None:
    change = await production.asked()
    await production.member("ana", present=True)  # so that she could approve anything else
    try:
        await press_is_refused(
            production, change, "ana", "self",
            "You asked for this yourself; somebody else has to approve it.",
        )  # fmt: skip
    finally:
        await production.member("ana", present=False)


async def test_who_asked_for_what_takes_all_others_and_more(production: Production) -> None:
    service = await production.service()
    await production.pass_time(GROUPS_KEPT)  # whom another test has added and taken away
    await production.drive.env(f"promote staging production {service}", user="dan")
    told = await production.drive.whispered(
        "can never be approved: it takes 2 approvals by `release-managers`", user="dan"
    )
    assert "too few can give that. <@" in told


async def test_the_same_person_twice(production: Production) -> None:
    change = await production.asked()
    await production.approved(change, "chloe")
    await production.refused(change, "You approved this already.", user="chloe")
    await production.audited(change, action="promotion.approve", outcome="unchanged")
    await production.shows(change, "Waiting for 1 more approval")


@pytest.mark.incident("borrowed-rights")
async def test_who_has_not_the_role(production: Production) -> None:
    change = await production.asked()
    await press_is_refused(
        production, change, "ben", "role",
        "Only `release-managers` may approve this, and you do not have that role.",
    )  # fmt: skip


@pytest.mark.incident("lasting-access")
async def test_who_had_the_role_until_just_now(production: Production) -> None:
    change = await production.asked()
    await production.member("dan", present=False)
    try:
        await press_is_refused(
            production, change, "dan", "role",
            "Only `release-managers` may approve this, and you do not have that role.",
        )  # fmt: skip
    finally:
        await production.member("dan", present=True)


@pytest.mark.incident("lasting-access")
async def test_who_loses_the_role_after_the_approval_and_before_the_merge(
    production: Production,
) -> None:
    change = await production.asked()
    try:
        async with production.busy(then="Waiting for 1 more approval"):
            await production.approved(change)
            await production.shows(change, "waits for its turn")
            await production.member("dan", present=False)
        shown = await production.shows(change, "Waiting for 1 more approval")
        lost = "Approval by <@U05DAN1V6R2> no longer counts: this person no longer has the role"
        assert lost in shown
        assert not await production.merged(change)
        await production.audited(change, action="promotion.uncounted")
    finally:
        await production.member("dan", present=True)


@pytest.mark.incident("name-as-identity")
async def test_a_guest(production: Production) -> None:
    change = await production.asked()
    await production.member("gus", present=True)
    try:
        await press_is_refused(
            production, change, "gus", "guest", "Guests of the workspace cannot use Qbot."
        )
    finally:
        await production.member("gus", present=False)


@pytest.mark.incident("name-as-identity")
async def test_somebody_from_outside(production: Production) -> None:
    change = await production.asked()
    await production.drive.post("channel", channel="general", join="eve")
    try:
        await press_is_refused(
            production, change, "eve", "foreign-workspace",
            "Qbot serves another Slack workspace.",
        )  # fmt: skip
    finally:
        await production.drive.post("channel", channel="general", leave="eve")


async def test_who_has_no_account_at_gitlab(production: Production) -> None:
    change = await production.asked()
    await production.member("nils", present=True)
    try:
        await press_is_refused(
            production, change, "nils", "unmapped",
            "Approving needs a GitLab account, and Qbot does not know yours. "
            "`/env link` connects your GitLab account.",
        )  # fmt: skip
    finally:
        await production.member("nils", present=False)


async def test_the_glass_without_the_role(production: Production) -> None:
    text = 'rollback production --break-glass --reason "checkout is down"'
    told = await production.drive.env(text, user="ben")
    assert f"without approvals is for `{MANAGERS}`" in told
    await production.audited(None, action="promotion.break-glass", rule="break-glass")


@pytest.mark.incident("approval-reused")
async def test_a_copy_of_the_card(production: Production) -> None:
    change = await production.asked()
    async with production.slack() as slack:
        body = {"channel": change.card["channel"], "text": "copy", "blocks": change.card["blocks"]}
        copied = (await slack.post("chat.postMessage", json=body)).json()
    assert copied["ok"], copied
    sentence = f"That is a copy of the card of {change.name}, or an older one."
    copy = replace(change, card=copied)
    await production.refused(copy, sentence, "Decide on the card itself", user="chloe")
    await production.audited(change, action="promotion.approve", rule="copied", outcome="refused")
    await production.shows(change, "Waiting for 2 approvals")


async def test_two_people_in_the_same_second_both_count(production: Production) -> None:
    change = await production.asked()
    told = await asyncio.gather(*(production.press(change, user=u) for u in ("chloe", "dan")))
    assert told == ["", ""]
    await production.goes_on(change)
    entry = await production.audited(change, action="promotion.executing")
    assert "=chloe" in entry["detail"]["approvers"]
    assert "=dan" in entry["detail"]["approvers"]
