"""What a human is asked when the brake holds, what they said, and alerts: scripts."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from qbot.domain.brake import Check, Grant
from qbot.domain.people import QBOT, Actor
from qbot.domain.reaper_ports import NO_GO_HOLDS, Alert, Answer, Candidate, Question
from qbot.domain.reaper_rows import Asked
from qbot.store import notices
from qbot.store.audit import note
from qbot.store.rows import document, time_text
from qbot.store.statements import Pass, Row, Script, Turnstile, sql

HOLDS = timedelta(days=1)
"""How long a Go counts from when the environment is due."""
QUIET = timedelta(hours=1)
"""What comes again within this says so in the message that was there."""
_LONGEST = timedelta(days=30)  # that a grace may make a Go wait
_COUNTS = frozenset({Check.MANY, Check.DAILY, Check.TOLD})


def opened() -> Script[Asked | None]:
    """The question that is open."""
    rows = yield sql(
        "select * from reaper_questions where answer = ? order by asked_at desc limit 1",
        Answer.OPEN.value,
    )
    return _asked(rows[0]) if rows else None


def refusals(at: datetime) -> Script[list[Asked]]:
    """Each No-go that still counts."""
    return (yield from _answered(Answer.NO_GO, at - NO_GO_HOLDS))


def _answered(answer: Answer, after: datetime) -> Script[list[Asked]]:
    rows = yield sql(
        "select * from reaper_questions where answer = ? and answered_at > ?",
        answer.value,
        time_text(after),
    )
    return [_asked(row) for row in rows]


def grants(at: datetime) -> Script[list[Grant]]:
    """What humans let go, one by one, for a day after it is due.

    Whoever let all of a list go has seen how many they are, whatever counts them. Those whose
    owner is only warned after the Go are due as long after it as they were after the question.
    """
    found = yield from _answered(Answer.GO, at - _LONGEST - HOLDS)
    return [
        Grant(c.env, c.branch, a.checks | _COUNTS, c.cause, c.since, said)
        for a in found
        if (said := a.question.at)
        for c in a.question.envs
        if c.since and said + max(c.due_at - a.question.asked_at, timedelta()) + HOLDS > at
    ]


def ask(
    candidates: Sequence[Candidate],
    reasons: Sequence[str],
    checks: frozenset[str],
    channel: str,
    at: datetime,
) -> Script[None]:
    """Ask; while nobody has answered, the same message asks what is to be asked now.

    Without a channel there is no message.
    """
    yield Pass(Turnstile.SUBMIT)  # two replicas may ask at once
    ident = _ident(candidates, checks, at)
    before = yield from _newest_open()
    if before is not None and before["id"].partition("-")[0] == ident.partition("-")[0]:
        if channel:
            yield from notices.put(notices.Draft(before["notice"], channel, _question(before)), at)
        return
    message = (yield from _message(before, at)) or f"question:{ident}"
    if before is not None:
        yield from _end(before["id"], Answer.OVER, QBOT, at)
    question = Question(ident, tuple(reasons), tuple(candidates), at)
    yield sql(
        "insert into reaper_questions(id, notice, says, checks, answer, asked_at) "
        "values(?, ?, ?, ?, ?, ?)",
        ident,
        message,
        _text(question),
        document(sorted(checks)),
        Answer.OPEN.value,
        time_text(at),
    )
    if channel:
        yield from notices.put(notices.Draft(message, channel, question), at)
    detail = [("question", ident), ("many", str(len(candidates))), ("checks", ",".join(checks))]
    yield from note(QBOT, "reaper.asked", "done", at, detail=detail)


def settled(answer: Answer, at: datetime) -> Script[None]:
    """What is open is over: nothing is held back by it any more."""
    before = yield from _newest_open()
    if before is not None:
        question = yield from _end(before["id"], answer, QBOT, at)
        yield from notices.say(before["notice"], question, open_=False)
        detail = [("question", before["id"]), ("answer", answer.value)]
        yield from note(QBOT, "reaper.answered", "done", at, detail=detail)


def answer(ident: str, who: Actor, rule: str, at: datetime, *, go: bool) -> Script[Question | None]:
    """The first answer counts; a No-go can be made a Go for as long as nothing newer is asked."""
    rows = yield sql("select o.* from reaper_questions o where o.id = ? {HOLD}", ident)
    if not rows:
        return None
    said = Answer.GO if go else Answer.NO_GO
    detail = [("question", ident), ("answer", said.value), ("rule", rule)]
    lifted = go and rows[0]["answer"] == Answer.NO_GO and not (yield from _newer(rows[0]))
    if rows[0]["answer"] != Answer.OPEN and not lifted:
        yield from note(who, "reaper.answered", "refused", at, detail=detail)
        return _question(rows[0])
    question = yield from _end(ident, said, who, at)
    yield from notices.say(rows[0]["notice"], question, open_=False)
    yield from note(who, "reaper.answered", "done", at, detail=detail)
    return question


def alert(reasons: Sequence[str], channel: str, at: datetime) -> Script[None]:
    """One message for as long as something cannot be read, and in it that all is well again."""
    yield Pass(Turnstile.SUBMIT)
    rows = yield sql(
        "select id, kind, says, open from reaper_notices where kind = 'alert' "
        "order by at desc limit 1"
    )
    before = notices.says_of(rows[0]) if rows else None
    was_open = bool(rows and rows[0]["open"])
    if isinstance(before, Alert) and (was_open or (reasons and _lately(before, at))):
        over = None if reasons else at
        now = replace(before, reasons=tuple(reasons) or before.reasons, over_at=over)
        yield from notices.say(rows[0]["id"], now, open_=bool(reasons))
    elif reasons:
        said = Alert(tuple(reasons), at)
        yield from notices.put(notices.Draft(f"alert:{at:%Y%m%dT%H%M%SZ}", channel, said), at)
    if bool(reasons) is not was_open:
        action = "reaper.alert" if reasons else "reaper.all-clear"
        yield from note(QBOT, action, "done", at, detail=[("reason", r) for r in reasons[:1]])


def _message(before: Row | None, at: datetime) -> Script[str]:
    """Where the question that is open stands, or one that was over just now; empty: nowhere."""
    if before is not None:
        return str(before["notice"])
    rows = yield sql(
        "select notice from reaper_questions where answer = ? and answered_at > ? "
        "order by asked_at desc limit 1",
        Answer.OVER.value,
        time_text(at - QUIET),
    )
    return str(rows[0]["notice"]) if rows else ""


def _newer(than: Row) -> Script[bool]:
    rows = yield sql("select id from reaper_questions where asked_at > ?", than["asked_at"])
    return bool(rows)


def _newest_open() -> Script[Row | None]:
    rows = yield sql(
        "select o.* from reaper_questions o where o.answer = ? order by o.asked_at desc limit 1 "
        "{HOLD}",
        Answer.OPEN.value,
    )
    return rows[0] if rows else None


def _end(ident: str, said: Answer, who: Actor, at: datetime) -> Script[Question]:
    rows = yield sql("select * from reaper_questions where id = ?", ident)
    by = None if said is Answer.OVER else who
    question = replace(_question(rows[0]), answer=said, by=by, at=at)
    yield sql(
        "update reaper_questions set answer = ?, actor = ?, answered_at = ?, says = ? "
        "where id = ? and answer = ?",
        said.value,
        who.key,
        time_text(at),
        _text(question),
        ident,
        rows[0]["answer"],
    )
    return question


def _lately(before: Alert, at: datetime) -> bool:
    return before.over_at is not None and at - before.over_at < QUIET


def _ident(candidates: Sequence[Candidate], checks: frozenset[str], at: datetime) -> str:
    """The same of the same environments and checks, but for the time behind it."""
    envs = (f"{c.env} {c.cause} {c.since} {c.warned}" for c in candidates)
    about = "\n".join([*sorted(checks), "", *sorted(envs)])
    return f"{hashlib.sha256(about.encode()).hexdigest()[:16]}-{at:%Y%m%dT%H%M%SZ}"


def _asked(row: Row) -> Asked:
    return Asked(_question(row), frozenset(_words().validate_json(row["checks"])))


def _question(row: Row) -> Question:
    found: Question = _shape().validate_json(row["says"])
    return found


def _text(question: Question) -> str:
    return document(_shape().dump_python(question, mode="json"))


@cache
def _shape() -> TypeAdapter[Any]:
    return TypeAdapter(Question)


@cache
def _words() -> TypeAdapter[list[str]]:
    return TypeAdapter(list[str])
