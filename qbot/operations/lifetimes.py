"""What people decide about how long an environment lives, and whose it is.

Nothing that runs is changed by it, so it is no operation: it is written down at once. Somebody
else's lock does not keep an environment from living on, but from losing its pin and its owner.
"""

from dataclasses import dataclass
from datetime import datetime

from qbot.domain.environment import Environment, Pin
from qbot.domain.lifetime import Moved
from qbot.domain.lifetime_grammar import Extend, PinIt, Transfer, Unpin
from qbot.domain.operation import QuotaReached
from qbot.domain.people import Actor
from qbot.domain.store_ports import Lifetimes as Rows
from qbot.errors import UserError
from qbot.operations.context import Context
from qbot.operations.locking import ensure_free
from qbot.operations.requests import Asked, Requests
from qbot.operations.rolling import going


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Makes the moves; whoever may is decided before."""

    context: Context
    requests: Requests
    rows: Rows

    async def extend(self, wanted: Extend, asked: Asked) -> Moved:
        """Let one live longer.

        Raises:
            UserError: no such environment, it goes, or it has the longest lifetime already.
        """
        env, most = await self._staying(wanted.env), self.context.rules.longest
        moved = await self.rows.extend(
            env.id, wanted.by, asked.actor, most=most, rule=asked.rule, key=asked.key
        )
        return moved or await self._gone(env)

    async def pin(self, wanted: PinIt, until: datetime | None, asked: Asked) -> Moved:
        """Keep one whatever its lifetime.

        Raises:
            UserError: no such environment, or it goes.
        """
        env = await self._staying(wanted.env)
        pin = Pin(asked.actor, self.context.clock.now(), until, wanted.reason)
        moved = await self.rows.pin(env.id, pin, rule=asked.rule, key=asked.key)
        return moved or await self._gone(env)

    async def unpin(self, wanted: Unpin, asked: Asked) -> Moved:
        """Give one its end back.

        Raises:
            UserError: no such environment, or it goes.
            BarredError: somebody else has locked it.
        """
        env = await self._staying(wanted.env)
        await ensure_free(self.context.locks, env, asked.actor)
        moved = await self.rows.unpin(env.id, asked.actor, rule=asked.rule, key=asked.key)
        return moved or await self._gone(env)

    async def transfer(self, wanted: Transfer, to: Actor, asked: Asked) -> Moved | QuotaReached:
        """Give one to somebody else, of whom it is known that Qbot serves them.

        Raises:
            UserError: no such environment, or it goes.
            BarredError: somebody else has locked it.
        """
        env = await self._staying(wanted.env, guess=False)
        await ensure_free(self.context.locks, env, asked.actor)
        limit = self.context.rules.per_owner
        answer = await self.rows.transfer(
            env.id, to, asked.actor, limit=limit, rule=asked.rule, key=asked.key
        )
        return answer or await self._gone(env)

    async def _staying(self, text: str, *, guess: bool = True) -> Environment:
        env = await self.requests.living(text, guess=guess)
        if gone := going(env):
            raise gone
        return env

    async def _gone(self, env: Environment) -> Moved:
        """It went meanwhile.

        Raises:
            UserError: saying so.
        """
        now = await self.requests.by_id(env.id)
        raise going(now) or UserError(f"`{env.branch}` is changed at this moment: try again.")
