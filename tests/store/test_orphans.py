"""What sweeps of Argo CD have found amiss, on both databases."""

from datetime import timedelta

from qbot.domain.changes import PhaseChanged
from qbot.domain.environment import Phase
from qbot.domain.names import EnvId
from qbot.domain.orphans import Looked, Marked, Stray, Thing
from qbot.domain.progress import End
from tests.clocks import START, HandClock
from tests.store.wishes import SYNC, TEARDOWN, Wishes

HOUR = timedelta(hours=1)
OTHERS = EnvId("e00000000beef")


def marked(env: EnvId, name: str = "qbot-a", instance: str = "main") -> Marked:
    return Marked(instance, Thing.PROJECT, name, name, env)


async def gone(wishes: Wishes, branch: str) -> EnvId:
    env = await wishes.living(branch)
    await wishes.submit(env, TEARDOWN)
    (claim,) = await wishes.claim()
    await wishes.journal.commit(claim, "begin", None, [PhaseChanged(env, Phase.DELETING)])
    await wishes.journal.finish(claim, End.SUCCEEDED, "", [PhaseChanged(env, Phase.DELETED)])
    return env


async def test_only_what_two_sweeps_found_is_known_and_it_is_told_once(
    wishes: Wishes, clock: HandClock
) -> None:
    rows = wishes.database.orphans
    env, lives = await gone(wishes, "a"), await wishes.living("b")
    clock.advance(60)
    known = Stray()
    for seen in range(3):
        await rows.found("main", [marked(env), marked(OTHERS, "qbot-others")], [lives])
        known = await rows.known()
        assert len(known.orphans) == (2 if seen else 0)
        assert await rows.tell("C1") is (seen == 1)
        clock.advance(3_600)
    by_name = {o.marked.name: o for o in known.orphans}
    assert by_name["qbot-a"].branch == "a"
    assert not by_name["qbot-others"].is_ours
    assert by_name["qbot-a"].since == START + timedelta(seconds=60)
    (lost,) = known.missing
    assert (lost.environment.branch, lost.since) == ("b", START + timedelta(seconds=60))
    (notice,) = await wishes.database.notices.due()
    assert isinstance(notice.says, Stray)
    assert (notice.to, len(notice.says.orphans), len(notice.says.missing)) == ("C1", 2, 1)


async def test_what_a_sweep_does_not_find_any_more_is_well(
    wishes: Wishes, clock: HandClock
) -> None:
    rows = wishes.database.orphans
    env = await gone(wishes, "a")
    for instance in ("main", "other"):
        for _ in range(2):
            clock.advance(3_600)
            await rows.found(instance, [marked(env, instance=instance)], [])
    await rows.found("main", [], [])
    assert [o.marked.instance for o in (await rows.known()).orphans] == ["other"]


async def test_a_thing_of_the_same_name_with_another_label_is_another_one(
    wishes: Wishes, clock: HandClock
) -> None:
    rows = wishes.database.orphans
    await rows.found("main", [marked(OTHERS)], [])
    clock.advance(3_600)
    await rows.found("main", [marked(EnvId("e0000000cafe"))], [])
    assert (await rows.known()).orphans == ()


async def test_of_what_somebody_works_on_since_nothing_is_known(
    wishes: Wishes, clock: HandClock
) -> None:
    rows = wishes.database.orphans
    env = await wishes.living("a")
    for _ in range(2):
        clock.advance(3_600)
        await rows.found("main", [], [env])
    assert len((await rows.known()).missing) == 1
    (first,) = await wishes.database.cards.behind()
    assert first.missing
    assert (await wishes.database.store.environments())[0].missing
    clock.advance(1)
    await wishes.submit(env, SYNC)
    assert not any(card.missing for card in await wishes.database.cards.behind())
    assert (await rows.known()).missing == ()
    (claim,) = await wishes.claim()
    await wishes.journal.finish(claim, End.SUCCEEDED, "")
    assert not await wishes.database.store.missing(env)


async def test_what_lives_is_no_orphan(wishes: Wishes, clock: HandClock) -> None:
    rows = wishes.database.orphans
    env = await wishes.living("a")
    for _ in range(2):
        clock.advance(3_600)
        await rows.found("main", [marked(env)], [])
    assert (await rows.known()).orphans == ()


async def test_when_it_was_looked_is_known_once_every_argo_cd_has_answered(
    wishes: Wishes, clock: HandClock
) -> None:
    rows = wishes.database.orphans
    assert await rows.looked(["main"]) == Looked(None)
    await rows.found("main", [], [])
    assert await rows.looked(["main"]) == Looked(START)
    assert await rows.looked(["main", "other"]) == Looked(None)
    clock.advance(3_600)
    await rows.found("other", [], [])
    assert await rows.looked(["main", "other"]) == Looked(START)
    await rows.found("main", [], [])
    assert await rows.looked(["main", "other"]) == Looked(START + HOUR)


async def test_what_was_found_once_and_what_somebody_works_on_since_are_counted(
    wishes: Wishes, clock: HandClock
) -> None:
    rows = wishes.database.orphans
    env, lives = await gone(wishes, "a"), await wishes.living("b")
    clock.advance(60)
    for counted in (3, 0):
        clock.advance(3_600)
        left = [marked(env), marked(env, "qbot-a-cart"), marked(OTHERS, "qbot-others")]
        await rows.found("main", left, [lives])
        looked = await rows.looked(["main"])
        assert (looked.once, looked.busy) == (counted, 0)
    clock.advance(1)
    await wishes.submit(lives, SYNC)
    looked = await rows.looked(["main"])
    assert (looked.once, looked.busy) == (0, 1)
