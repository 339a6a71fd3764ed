"""What the reaper writes down, on both databases: told once, answered once, deleted once."""

import asyncio
import json
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from qbot.domain.brake import Check
from qbot.domain.environment import Environment, Phase
from qbot.domain.inputs import TeardownInput
from qbot.domain.names import EnvId
from qbot.domain.operation import Going, Submission
from qbot.domain.people import QBOT, Place
from qbot.domain.progress import Kind
from qbot.domain.reaper_ports import Alert, Answer, Candidate, Fate, Question, Warned
from qbot.domain.reaping import Cause, Goes
from qbot.store import warnings
from qbot.store.statements import Script
from tests.clocks import START
from tests.store.wishes import ANA, BEN, Wishes

HOUR = timedelta(hours=1)


async def ready(wishes: Wishes, branch: str = "feat/a") -> Environment:
    """One that is ready."""
    await wishes.living(branch)
    found = await wishes.database.store.find(branch)
    assert found
    return replace(found, plans=())


def goes(env: Environment) -> Goes:
    return Goes(env.id, Cause.MERGED, START, START + HOUR, "reaper", ("https://g/1",), HOUR, START)


def wish(env: Environment, key: str) -> Submission:
    asked = TeardownInput(goes(env))
    return Submission(Kind.TEARDOWN, asked, env.id, QBOT, Place("C1"), key, "reaper")


async def test_a_warning_counts_once_it_stands_and_only_in_the_words_that_stand(
    wishes: Wishes,
) -> None:
    env, rows, notices = await ready(wishes), wishes.database.reaping, wishes.database.notices
    await rows.warn(env, goes(env), fallback=())
    (first,) = await notices.due()
    claimed = await asyncio.gather(*(notices.claim(first, first.id) for _ in range(2)))
    assert sorted(c is None for c in claimed) == [False, True]
    again = next(c for c in claimed if c)
    assert await notices.together(first.id) == [again]
    await notices.free(again)
    (second,) = await notices.due()
    assert second == first
    posted = await notices.claim(second, second.id)
    assert posted
    later = replace(goes(env), due_at=START + 2 * HOUR)
    await rows.warn(env, later, fallback=())  # a use came between
    await notices.shown(posted, "D1", "1.1")
    assert (await rows.known()).told[env.id].at is None
    (edit,) = await notices.due()
    assert (edit.ts, edit.version) == ("1.1", 2)
    await notices.shown(edit, "D1", "1.1")
    assert (await rows.known()).told[env.id].at is not None
    assert not await notices.due()
    await rows.remind(env, later)
    await rows.remind(env, later)
    (reminder,) = await notices.due()
    assert (reminder.channel, reminder.thread) == ("D1", "1.1")
    await rows.stays(env.id, "it is in use")
    (over,) = await notices.due()  # what was not said yet needs not be
    assert isinstance(over.says, Warned)
    assert over.says.fate is Fate.STAYS


async def test_lists_say_what_goes_once_its_owner_was_told(wishes: Wishes) -> None:
    env, rows, notices = await ready(wishes), wishes.database.reaping, wishes.database.notices
    await rows.warn(env, goes(env), fallback=())
    (first,) = await notices.due()
    posted = await notices.claim(first, first.id)
    assert posted
    (listed,) = await wishes.database.store.environments()
    assert listed.goes is None
    await notices.shown(posted, "D1", "1.1")
    (listed,) = await wishes.database.store.environments()
    assert listed.goes == Going(START + HOUR, Cause.MERGED)
    await rows.stays(env.id, "it is in use")
    (listed,) = await wishes.database.store.environments()
    assert listed.goes is None


async def test_a_message_that_is_gone_is_due_again_only_as_long_as_it_counts(
    wishes: Wishes,
) -> None:
    env, rows, notices = await ready(wishes), wishes.database.reaping, wishes.database.notices
    await rows.warn(env, goes(env), fallback=())
    (first,) = await notices.due()
    posted = await notices.claim(first, first.id)
    assert posted
    await notices.shown(posted, "D1", "1.1")
    told = (await rows.known()).told[env.id]
    await notices.lost(posted)
    (anew,) = await notices.due()
    assert (anew.ts, anew.channel, anew.mark, anew.trying_since) == ("", "", "", None)
    assert (await rows.known()).told[env.id] == told  # it stood there when it had to
    await rows.stays(env.id, "it is in use")
    assert not await notices.due()


async def test_a_reminder_waits_for_its_warning_only_as_long_as_that_may_come(
    wishes: Wishes,
) -> None:
    env, rows, notices = await ready(wishes), wishes.database.reaping, wishes.database.notices
    await rows.warn(env, goes(env), fallback=())
    (first,) = await notices.due()
    posted = await notices.claim(first, first.id)
    assert posted
    await notices.shown(posted, "D1", "1.1")
    await rows.remind(env, goes(env))
    assert (await rows.known()).told[env.id].reminder_waits
    await notices.lost(posted)
    (anew,) = await notices.due()
    assert (await rows.known()).told[env.id].reminder_waits
    await notices.refused(anew, "channel_not_found", elsewhere=True)
    assert not await notices.due()
    told = (await rows.known()).told[env.id]
    assert (told.at is not None, told.unheard, told.reminder_waits) == (True, True, False)


async def test_of_two_replicas_one_has_it_deleted_and_only_as_it_stood(wishes: Wishes) -> None:
    env, rows = await ready(wishes), wishes.database.reaping
    await rows.warn(env, goes(env), fallback=())
    before = await rows.stand(env.id)
    assert before
    await wishes.database.lifetimes.extend(env.id, HOUR, ANA, most=None, rule="member", key="k")
    assert await rows.submit(before, goes(env), wish(env, "early"), granted=False) is None
    stand = await rows.stand(env.id)
    assert stand
    asked = await asyncio.gather(
        *(rows.submit(stand, goes(env), wish(env, f"k{n}"), granted=False) for n in range(2))
    )
    assert sorted(op is None for op in asked) == [False, True]
    assert (await rows.known()).deleted == 1
    (row,) = await wishes.look("select detail from audit where action = 'reaper.deletes'")
    assert "https://g/1" in row["detail"]
    assert await rows.stand(EnvId("e0")) is None


async def test_who_was_part_of_too_many_does_not_go_unless_a_human_lets_it(wishes: Wishes) -> None:
    env, rows = await ready(wishes), wishes.database.reaping
    await rows.warn(env, goes(env), fallback=())
    for _ in range(2):
        await rows.doubt(frozenset({env.id}))
    assert (await rows.known()).doubts == {env.id}
    stand = await rows.stand(env.id)
    assert stand
    assert await rows.submit(stand, goes(env), wish(env, "k"), granted=False) is None
    idle = replace(goes(env), cause=Cause.IDLE)  # of that GitLab says nothing
    assert await rows.submit(stand, idle, wish(env, "k2"), granted=False)
    for _ in range(2):
        await rows.believe(frozenset({env.id, EnvId("e0")}))
    assert not (await rows.known()).doubts
    written = await wishes.look("select action from audit where action like 'reaper.%lie%'")
    assert len(written) == 1


async def test_a_warning_that_is_held_says_so_until_it_is_not_and_counts_all_the_while(
    wishes: Wishes,
) -> None:
    env, rows, notices = await ready(wishes), wishes.database.reaping, wishes.database.notices
    await rows.warn(env, goes(env), fallback=())
    (first,) = await notices.due()
    posted = await notices.claim(first, first.id)
    assert posted
    await notices.shown(posted, "D1", "1.1")
    told = (await rows.known()).told
    for why in ("the reaper is paused", "the reaper is paused", ""):
        await rows.held({env.id: why})
        for edit in await notices.due():
            assert isinstance(edit.says, Warned)
            assert (edit.says.held, edit.says.fate) == (why, Fate.OPEN)
            await notices.shown(edit, "D1", "1.1")
        (listed,) = await wishes.database.store.environments()
        assert listed.goes == Going(START + HOUR, Cause.MERGED, why)
    assert (await rows.known()).told == told
    await rows.stays(env.id, "it is in use")
    await rows.held({env.id: "the reaper is paused"})
    (over,) = await notices.due()
    assert isinstance(over.says, Warned)
    assert (over.says.fate, over.says.held) == (Fate.STAYS, "")


async def test_a_warning_that_another_tick_voids_meanwhile_does_not_come_back_as_held(
    wishes: Wishes,
) -> None:
    env, database = await ready(wishes), wishes.database
    await database.reaping.warn(env, goes(env), fallback=())
    (first,) = await database.notices.due()
    posted = await database.notices.claim(first, first.id)
    assert posted
    await database.notices.shown(posted, "D1", "1.1")

    def two_at_once() -> Script[None]:
        slow = warnings.held({env.id: "the reaper is paused"})
        wanted = next(slow)
        found = yield wanted
        yield from warnings.stays(env.id, "it is in use", None, START)
        with suppress(StopIteration):
            while True:
                found = yield slow.send(found)

    await database.driver.run(two_at_once())
    (over,) = await database.notices.due()
    assert isinstance(over.says, Warned)
    assert (over.says.fate, over.says.held) == (Fate.STAYS, "")
    assert not await database.notices.open()


async def test_a_warning_of_before_there_were_holds_says_that_it_is_held(wishes: Wishes) -> None:
    env, rows, notices = await ready(wishes), wishes.database.reaping, wishes.database.notices
    await rows.warn(env, goes(env), fallback=())
    (first,) = await notices.due()
    posted = await notices.claim(first, first.id)
    assert posted
    await notices.shown(posted, "D1", "1.1")
    (stored,) = await wishes.look("select says from reaper_notices")
    says = json.loads(stored["says"])
    del says["held"]
    await wishes.look("update reaper_notices set says = ?", json.dumps(says))
    await rows.held({env.id: "the reaper is paused"})
    (edit,) = await notices.due()
    assert isinstance(edit.says, Warned)
    assert edit.says.held == "the reaper is paused"


async def test_a_go_ends_a_day_after_the_environment_is_due(wishes: Wishes) -> None:
    env, rows = await ready(wishes), wishes.database.reaping
    late = [Candidate(env.id, env.branch, ANA, Cause.MERGED, START + 5 * HOUR, START)]
    await rows.ask(late, ["13 of 45"], frozenset({Check.MANY}), channel="C1")
    asked = (await rows.known()).question
    assert asked
    await rows.answer(asked.question.id, ANA, go=True, rule="ops")
    wishes.database.clock.advance(29 * 3_600 - 1)  # type: ignore[attr-defined]  # the test's own
    assert len((await rows.known()).grants) == 1
    wishes.database.clock.advance(1)  # type: ignore[attr-defined]  # as above
    assert not (await rows.known()).grants


async def test_a_no_go_can_be_made_a_go_until_it_is_asked_anew(wishes: Wishes) -> None:
    env, rows, notices = await ready(wishes), wishes.database.reaping, wishes.database.notices
    one = [Candidate(env.id, env.branch, ANA, Cause.MERGED, START, START)]
    for channel in ("", "C1"):
        await rows.ask(one, ["13 of 45"], frozenset({Check.MANY}), channel=channel)
        assert len(await notices.due()) == bool(channel)
    known = await rows.known()
    assert known.question
    ident = known.question.question.id
    await rows.answer(ident, ANA, go=False, rule="ops")
    assert (await rows.known()).refusals
    again = await rows.answer(ident, ANA, go=False, rule="ops")
    lifted = await rows.answer(ident, BEN, go=True, rule="ops")
    assert again
    assert lifted
    assert (again.answer, lifted.answer, lifted.by) == (Answer.NO_GO, Answer.GO, BEN)
    known = await rows.known()
    assert (len(known.grants), known.refusals) == (1, [])
    more = frozenset({Check.TOLD})
    await rows.ask(one, ["4 of 5"], more, channel="C1")
    second = (await rows.known()).question
    assert second
    await rows.answer(second.question.id, ANA, go=False, rule="ops")
    wishes.database.clock.advance(1)  # type: ignore[attr-defined]  # the test's own
    await rows.ask(one, ["12 of 45"], frozenset({Check.DAILY}), channel="C1")
    late = await rows.answer(second.question.id, BEN, go=True, rule="ops")
    assert late
    assert late.answer is Answer.NO_GO


async def test_what_people_keep_is_kept_in_one_row(wishes: Wishes) -> None:
    env, rows = await ready(wishes), wishes.database.reaping
    await rows.warn(env, goes(env), fallback=())
    said = await asyncio.gather(
        rows.keep(env.id, ANA, rule="member"), rows.until_merge(env.id, BEN, rule="member")
    )
    assert all(s and s.fate is Fate.STAYS for s in said)
    kept = (await rows.known()).kept[env.id]
    assert kept.until_merge
    assert {cause for cause, _ in kept.causes} <= {Cause.MERGED}
    await wishes.look("update environments set phase = ? returning id", Phase.DELETING.value)
    assert await rows.keep(env.id, ANA, rule="member") is None


async def test_the_first_answer_counts_and_an_alert_is_one_message(wishes: Wishes) -> None:
    env, rows, notices = await ready(wishes), wishes.database.reaping, wishes.database.notices
    candidates = [Candidate(env.id, env.branch, ANA, Cause.MERGED, START, START)]
    for _ in range(2):
        await rows.ask(candidates, ["13 of 45"], frozenset({Check.MANY}), channel="C1")
    (asked,) = await notices.due()
    assert isinstance(asked.says, Question)
    ident = asked.says.id
    answers = await asyncio.gather(
        rows.answer(ident, ANA, go=True, rule="ops"), rows.answer(ident, BEN, go=False, rule="ops")
    )
    assert answers[0] == answers[1]
    known = await rows.known()
    assert known.question is None
    assert len(known.grants) + len(known.refusals) == 1
    await rows.settled(Answer.OVER)
    for reasons in ([], ["GitLab"], ["GitLab"], []):
        await rows.alert(reasons, channel="C1")
    alerts = [n.says for n in await notices.due() if isinstance(n.says, Alert)]
    assert [a.over_at is not None for a in alerts] == [True]
    await wishes.database.forget_old()
