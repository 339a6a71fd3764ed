"""Carries out one job on an operation's card. Called for one message at a time.

Order on a post: write `trying`, post, write `posted`. After a crash between the two the message
is looked for by its metadata before anything is posted again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from qbot.cards.memory import Memory, seen
from qbot.cards.plan import Act, Job
from qbot.cards.ports import Messenger, Meter
from qbot.domain.card_ports import Cards
from qbot.domain.operation import CardRow
from qbot.domain.people import QBOT
from qbot.domain.ports import Clock
from qbot.domain.progress import Progress
from qbot.domain.release import Shown, StageProgress
from qbot.domain.store_ports import OperationRows
from qbot.errors import PermanentError, QbotError
from qbot.gateways.slack import (
    AccessError,
    LostMessageError,
    Mark,
    NotHereError,
    Posted,
    UnsureError,
)
from qbot.render.blocks import Message
from qbot.render.card import Fresh, Links
from qbot.render.notices import elsewhere, invite
from qbot.render.shown import card_of, ending_of, title_of
from qbot.render.style import Style

log = structlog.get_logger()
_EARLIER = timedelta(minutes=2)  # clocks differ; a look starts this much before the operation
_SETTLE = 3.0  # seconds until a lost call has either arrived or will not
_REFUSED = (3.0, 12.0, 60.0)  # seconds until what Slack refuses is tried again, then the last
_MOST_LOSSES = 3  # then a message that keeps getting lost is left alone


@dataclass(frozen=True, slots=True, kw_only=True)
class CardSender:
    """`fresh` answers how often cards are updated at present."""

    cards: Cards
    store: OperationRows
    slack: Messenger
    clock: Clock
    style: Style
    memory: Memory
    meter: Meter
    fresh: Callable[[], Fresh]

    async def render(self, row: CardRow) -> Message:
        """The message as it should be now."""
        links = Links(self.memory.continues.get(row.op, ""), await self._after(row))
        return card_of(
            row.progress,
            self.style,
            fresh=self.fresh(),
            superseded=row.superseded,
            links=links,
            newer=row.newer,
            term=row.term,
            missing=row.missing,
        )

    async def up_to_date(self, row: CardRow) -> bool:
        """Whether the message says that already; then it is noted and no call is needed."""
        if (await self.render(row)).digest != row.shown_hash:
            return False
        await self.cards.shown(row.op, version=row.version, shown_hash=row.shown_hash)
        return True

    async def run(self, job: Job, row: CardRow) -> bool:
        """Make the call and write down what came of it; False: it has to be done elsewhere.

        Raises:
            RateLimitedError: the budget has to learn of it; so does TransientError.
            AccessError: the card stays as it is wanted, and waits for the owner of Qbot.
        """
        acts = {
            Act.POST: self._post,
            Act.EDIT: self._edit,
            Act.REPLY: self._reply,
            Act.FIND: self._find,
            Act.FIND_REPLY: self._find_reply,
        }
        try:
            await acts[job.act](row)
            self.memory.taken += 1
            self.memory.refused.pop((row.op, job.act.part), None)
            return True
        except UnsureError:
            self.hold(row.op, _SETTLE)
            raise
        except NotHereError as error:
            await self._move_away(job, row, error)
        except LostMessageError:
            await self._renew(row)
        except AccessError:  # no fault of the card: it stays wanted
            raise
        except PermanentError as error:
            await self.refused(job, row, error)
            raise
        return False

    def hold(self, key: str, seconds: float) -> None:
        """Leave one message alone for a while."""
        self.memory.held[key] = self.clock.monotonic() + seconds

    async def refused(self, job: Job, row: CardRow, error: PermanentError) -> None:
        """Try again later, a few times, and later each time."""
        log.warning("slack refuses a card", op=row.op, reason=str(error))
        key = (row.op, job.act.part)
        if self.memory.refuse(key):
            await self._leave(row, end=job.act.part == "end" or not row.ts)
            return
        tries = self.memory.refused[key].tries
        self.hold(row.op, _REFUSED[min(tries, len(_REFUSED)) - 1])

    async def _post(self, row: CardRow) -> None:
        await self.cards.trying(row.op, end=False)
        message = await self.render(row)
        posted = await self._send(row, "card", row.channel, message)
        await self.cards.posted(
            row.op,
            end=False,
            channel=posted.channel,
            ts=posted.ts,
            version=row.version,
            shown_hash=message.digest,
        )
        self._showed(row)
        await self._lead_there(row, posted)

    async def _edit(self, row: CardRow) -> None:
        message = await self.render(row)
        await self.slack.update(_message_of(row), message)
        await self.cards.shown(row.op, version=row.version, shown_hash=message.digest)
        self._showed(row)

    async def _reply(self, row: CardRow) -> None:
        await self.cards.trying(row.op, end=True)
        message = ending_of(row.progress, self.style)
        posted = await self._send(row, "end", row.posted_channel, message, thread_ts=row.ts)
        await self._ended(row, posted)

    async def _ended(self, row: CardRow, posted: Posted) -> None:
        await self.cards.posted(
            row.op, end=True, channel=posted.channel, ts=posted.ts, version=0, shown_hash=""
        )

    async def _send(
        self, row: CardRow, part: str, channel: str, message: Message, *, thread_ts: str = ""
    ) -> Posted:
        """Post, and remember when it is certain that Slack did not take it."""
        key = (row.op, part)
        self.memory.unsent.discard(key)
        try:
            return await self.slack.post(
                channel, message, mark=Mark(row.op, part), thread_ts=thread_ts
            )
        except UnsureError:
            raise
        except QbotError:
            self.memory.unsent.add(key)
            raise

    async def _find(self, row: CardRow) -> None:
        if found := await self._look(row, "card", row.channel):
            # Which version it shows is not known: version 0 has it edited next.
            await self.cards.posted(
                row.op, end=False, channel=found.channel, ts=found.ts, version=0, shown_hash=""
            )

    async def _find_reply(self, row: CardRow) -> None:
        if found := await self._look(row, "end", row.posted_channel, thread_ts=row.ts):
            await self._ended(row, found)

    async def _look(
        self, row: CardRow, part: str, channel: str, *, thread_ts: str = ""
    ) -> Posted | None:
        since = (row.progress.started_at - _EARLIER).timestamp()
        try:
            found = await self.slack.find(
                channel, Mark(row.op, part), since=since, thread_ts=thread_ts
            )
        except PermanentError as error:
            if isinstance(error, AccessError) and not error.scope:
                raise  # nothing can be posted with that token either
            # Without the right to look, a second message is better than none.
            log.warning("cannot look for a message", op=row.op, reason=str(error))
            found = None
        if found is None:
            self.memory.unsent.add((row.op, part))
        return found

    async def _leave(self, row: CardRow, *, end: bool) -> None:
        log.warning("a card is left as it is", op=row.op, end=end)
        await self.cards.leave(row.op, version=row.version, end=end)

    async def _lead_there(self, row: CardRow, posted: Posted) -> None:
        """Whoever asked elsewhere is told where the card is; best effort."""
        if row.channel != _home(row) or row.op in self.memory.continues:
            return
        try:
            operation = await self.store.operation(row.op)
            if operation is None or operation.place.channel == row.channel:
                return
            url = await self.slack.permalink(posted)
            message = elsewhere(title_of(row.progress), row.channel, url)
            if operation.place.response_url:
                await self.slack.respond(operation.place.response_url, message)
            else:
                await self.slack.post(operation.actor.user, message)
        except QbotError as unheard:
            log.info("nobody was told where a card is", op=row.op, reason=str(unheard))

    async def _move_away(self, job: Job, row: CardRow, error: NotHereError) -> None:
        """To the stage's channel, else to the person's DM, which the command's answer tells."""
        if (home := _home(row)) and row.channel not in (home, _person(row.progress)):
            await self.cards.move(row.op, home)
            return
        user = _person(row.progress)
        if row.channel == user:
            await self.refused(job, row, error)
            return
        await self.cards.move(row.op, user)
        operation = await self.store.operation(row.op)
        if operation and operation.place.response_url:
            notice = invite(self.style, channel=row.channel)
            try:
                await self.slack.respond(operation.place.response_url, notice)
            except QbotError as unheard:
                log.info("no answer by response url", op=row.op, reason=str(unheard))

    async def _renew(self, row: CardRow) -> None:
        """The message cannot be changed any more: post anew and say where it was.

        One whose end was told, or whose environment is gone, is nobody's news any more.
        """
        if row.superseded or row.end_ts:
            await self._leave(row, end=True)
            return
        losses = self.memory.lost.get(row.op, 0) + 1
        self.memory.lost[row.op] = losses
        if losses > _MOST_LOSSES:
            log.warning("a card keeps getting lost", op=row.op)
            await self._leave(row, end=True)
            return
        self.memory.continues[row.op] = await self._link(row)
        await self.cards.move(row.op, row.posted_channel or row.channel)

    async def _after(self, row: CardRow) -> str:
        """The link to the card that follows; its post makes this card's next version."""
        if row.followed_by is None:
            return ""
        newer = await self.cards.card(row.followed_by)
        if newer is None or not newer.ts:
            return ""
        known = self.memory.follows.get(row.op)
        if known is None or known[0] != newer.ts:
            if not (url := await self._link(newer)):
                return ""
            known = self.memory.follows[row.op] = (newer.ts, url)
        return known[1]

    async def _link(self, row: CardRow) -> str:
        try:
            return await self.slack.permalink(_message_of(row))
        except QbotError:
            return ""

    def _showed(self, row: CardRow) -> None:
        self.memory.shown[row.op] = seen(row.progress, self.clock.monotonic())


def _home(row: CardRow) -> str:
    """The channel of the stage that it is about; empty: it has none."""
    return row.progress.home if isinstance(row.progress, StageProgress) else ""


def _person(progress: Shown) -> str:
    """Whose DM takes what its channel does not; for what nobody asked, the owner's."""
    if isinstance(progress, Progress) and progress.actor == QBOT and progress.owner:
        return progress.owner.user
    return progress.actor.user


def _message_of(row: CardRow) -> Posted:
    return Posted(row.posted_channel, row.ts)
