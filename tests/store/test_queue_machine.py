"""The queue's rules, held against whatever people and workers do in any order."""

import asyncio
import itertools
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from typing_extensions import override

from qbot.domain.operation import Claim, Submitted
from qbot.domain.ports import Fenced
from qbot.domain.progress import End, Kind
from qbot.store import open_store
from tests.amounts import examples
from tests.clocks import HandClock
from tests.store.wishes import BEN, TEARDOWN, Wishes, service_sync

T = TypeVar("T")
branches = st.sampled_from(["a", "b", "c"])
workers = st.sampled_from(["w1", "w2"])


class Queue(RuleBasedStateMachine):
    """Three branches, two workers; what is claimed, lost and ended in every order."""

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.loop = asyncio.Runner()
        numbers = itertools.count(1)
        url = f"sqlite:///{Path(self.folder.name)}/qbot.db"
        opening = open_store(url, clock=HandClock(), ids=lambda: f"o{next(numbers)}")
        self.wishes = Wishes(self.do(opening))
        self.held: dict[str, Claim] = {}
        self.lost: list[Claim] = []

    @override
    def teardown(self) -> None:
        self.do(self.wishes.database.close())
        self.loop.close()
        self.folder.cleanup()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run(work)

    def look(self, text: str, *params: Any) -> list[dict[str, Any]]:
        return self.do(self.wishes.look(text, *params))

    @rule(branch=branches)
    def create(self, branch: str) -> None:
        alive = self.look("select branch from environments where phase <> 'deleted'")
        answer = self.do(self.wishes.ask_create(branch))
        assert isinstance(answer, Submitted) == ({"branch": branch} not in alive)

    @rule(branch=branches, service=st.sampled_from(["x", "y"]))
    def sync(self, branch: str, service: str) -> None:
        env = self.do(self.wishes.database.store.find(branch))
        if env and env.phase.alive:
            self.do(self.wishes.submit(env.id, service_sync(service)))

    @rule(branch=branches)
    def delete(self, branch: str) -> None:
        env = self.do(self.wishes.database.store.find(branch))
        if env and env.phase.alive:
            if not self.do(self.wishes.submit(env.id, TEARDOWN, actor=BEN)).fresh:
                return
            queued = self.look(
                "select kind from operations where env_id = ? and state = 'queued' "
                "and fence = 0 and kind <> 'teardown'",
                env.id,
            )
            assert queued == []

    @rule(worker=workers, limit=st.integers(1, 3))
    def claim(self, worker: str, limit: int) -> None:
        waiting = self.look(
            "select id, lock_key, seq, priority from operations where state = 'queued'"
        )
        for claim in self.do(self.wishes.claim(worker, limit)):
            op = claim.operation
            assert op.id not in self.held
            self.held[op.id] = claim
            mine = [row for row in waiting if row["lock_key"] == op.env]
            if claim.fence == 1:
                first = min(mine, key=lambda row: (row["priority"], row["seq"]))
                assert first["id"] == op.id

    @precondition(lambda self: self.held)
    @rule(data=st.data(), end=st.sampled_from([End.SUCCEEDED, End.FAILED, End.CANCELLED]))
    def finish(self, data: st.DataObject, end: End) -> None:
        op = data.draw(st.sampled_from(sorted(self.held)))
        claim = self.held.pop(op)
        self.do(self.wishes.journal.finish(claim, end, ""))
        self.lost.append(claim)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        op = data.draw(st.sampled_from(sorted(self.held)))
        claim = self.held.pop(op)
        self.do(self.wishes.journal.release(claim))
        self.lost.append(claim)

    @precondition(lambda self: self.lost)
    @rule(data=st.data())
    def a_lost_claim_writes_nothing(self, data: st.DataObject) -> None:
        claim = data.draw(st.sampled_from(self.lost))
        before = self.look("select count(*) as n from op_steps")
        try:
            self.do(self.wishes.journal.commit(claim, "late", None))
        except Fenced:
            assert self.look("select count(*) as n from op_steps") == before
        else:
            raise AssertionError("a lost claim has written")

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        op = data.draw(st.sampled_from(sorted(self.held)))
        assert self.do(self.wishes.journal.request_cancel(self.held[op].operation.id, BEN))

    @invariant()
    def one_active_operation_per_environment(self) -> None:
        assert (
            self.look(
                "select lock_key from operations where state in ('ready', 'running', 'waiting') "
                "group by lock_key having count(*) > 1"
            )
            == []
        )

    @invariant()
    def what_is_held_is_running(self) -> None:
        rows = self.look("select id from operations where state = 'running'")
        assert {row["id"] for row in rows} == set(self.held)

    @invariant()
    def every_operation_has_a_card_that_shows_whether_it_ended(self) -> None:
        assert (
            self.look(
                "select o.id from operations o left join cards c on c.op_id = o.id where c.op_id "
                "is null or (o.state = 'done') <> (c.ended = 1)"
            )
            == []
        )

    @invariant()
    def no_environment_is_on_its_way_without_an_operation(self) -> None:
        for row in self.look(
            "select id, phase from environments where phase in ('creating', 'deleting')"
        ):
            going_on = self.look(
                "select kind from operations where env_id = ? and state <> 'done'", row["id"]
            )
            assert going_on
            assert {r["kind"] for r in going_on} & {Kind.CREATE.value, Kind.TEARDOWN.value}


TestQueue = Queue.TestCase
TestQueue.settings = settings(max_examples=examples(10), stateful_step_count=20, deadline=None)
