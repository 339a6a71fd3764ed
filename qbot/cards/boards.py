"""Carries out one job on a channel's board."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from qbot.cards.memory import Memory
from qbot.cards.plan import Act, Job
from qbot.cards.ports import Messenger
from qbot.domain.card_ports import Boards
from qbot.domain.operation import BoardRow, CardRow
from qbot.domain.ports import Clock
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
from qbot.render.board import board as render_board
from qbot.render.card import Fresh

log = structlog.get_logger()
_EARLIER = timedelta(seconds=30)  # clocks differ; Slack shows the newest first
_SETTLE = 3.0
_REFUSED = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardSender:
    """A board that nothing runs on any more gets a last edit and is then left alone."""

    cards: Boards
    slack: Messenger
    clock: Clock
    memory: Memory
    fresh: Callable[[], Fresh]

    def render(self, running: Sequence[CardRow]) -> Message:
        """The message as it should be now."""
        return render_board([r.progress for r in running], fresh=self.fresh())

    def up_to_date(self, board: BoardRow, running: Sequence[CardRow]) -> bool:
        """Whether it says that already; looked at again after the next interval."""
        same = self.render(running).digest == board.shown_hash
        if same:
            self.memory.boards[board.channel] = self.clock.monotonic()
        return same

    async def run(self, job: Job, board: BoardRow, running: Sequence[CardRow]) -> bool:
        """Make the call and write down what came of it; False: there is no board any more.

        Raises:
            RateLimitedError: the budget has to learn of it; so does TransientError.
        """
        self.memory.boards[board.channel] = self.clock.monotonic()
        try:
            if job.act is Act.EDIT_BOARD:
                await self._edit(board, running)
            elif job.act is Act.POST_BOARD:
                await self._post(board, running)
            else:
                await self._find(board)
            return True
        except UnsureError:
            self._hold(board, _SETTLE)
            raise
        except (NotHereError, LostMessageError):
            self._hold(board, _REFUSED)
            await self.cards.save_board(BoardRow(board.channel))
        except AccessError:
            raise
        except PermanentError as error:
            self.refused(board, error)
            raise
        return False

    def refused(self, board: BoardRow, error: PermanentError) -> None:
        """Try again later."""
        log.warning("slack refuses a board", channel=board.channel, reason=str(error))
        self._hold(board, _REFUSED)

    def _hold(self, board: BoardRow, seconds: float) -> None:
        self.memory.held[board.channel] = self.clock.monotonic() + seconds

    async def _edit(self, board: BoardRow, running: Sequence[CardRow]) -> None:
        message = self.render(running)
        await self.slack.update(Posted(board.channel, board.ts), message)
        ts = board.ts if running else ""  # closed: the next crowd gets a new one
        await self.cards.save_board(replace(board, ts=ts, shown_hash=message.digest))

    async def _post(self, board: BoardRow, running: Sequence[CardRow]) -> None:
        await self.cards.save_board(replace(board, trying_since=self.clock.now()))
        self.memory.unsent.discard((board.channel, "board"))
        message = self.render(running)
        try:
            posted = await self.slack.post(
                board.channel, message, mark=Mark(board.channel, "board")
            )
        except UnsureError:
            raise
        except QbotError:
            self.memory.unsent.add((board.channel, "board"))
            raise
        await self.cards.save_board(BoardRow(board.channel, posted.ts, message.digest))

    async def _find(self, board: BoardRow) -> None:
        """What is found is edited next, and closed if nothing runs on it any more."""
        since = ((board.trying_since or self.clock.now()) - _EARLIER).timestamp()
        try:
            found = await self.slack.find(board.channel, Mark(board.channel, "board"), since=since)
        except PermanentError as error:
            if isinstance(error, AccessError) and not error.scope:
                raise
            log.warning("cannot look for a board", channel=board.channel, reason=str(error))
            found = None
        await self.cards.save_board(BoardRow(board.channel, found.ts if found else ""))
