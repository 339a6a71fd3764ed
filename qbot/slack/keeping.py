"""Buttons of the reaper's messages: keep it, wait for the merge, Go, No-go, the plan."""

from qbot.domain import actions
from qbot.domain.environment import Environment
from qbot.domain.names import EnvId
from qbot.domain.reaper_grammar import Reaper, Wish
from qbot.domain.reaper_ports import Answer, Warned
from qbot.errors import UserError
from qbot.operations.rolling import going
from qbot.render import braking
from qbot.render.blocks import Message
from qbot.render.warnings import stays
from qbot.slack import reaper
from qbot.slack.desk import Desk
from qbot.slack.families import Press
from qbot.slack.grounds import Grounding
from qbot.slack.payload import Body, Delivery


class ReaperDesk:
    """Answers what was pressed; the message itself follows what was written down."""

    def __init__(self, desk: Desk, grounding: Grounding) -> None:
        self._desk = desk
        self._grounding = grounding

    @property
    def table(self) -> dict[str, Press]:
        """By action id; doing any of it twice does nothing more."""
        of_env = self._grounding.of_environment
        return {
            actions.REAPER_KEEP: Press(self._keep, submits=True, grounds=of_env),
            actions.REAPER_GO: Press(self._go, submits=True),
            actions.REAPER_NO_GO: Press(self._no_go, submits=True),
            actions.REAPER_PLAN: Press(self._plan),
        }

    async def _keep(self, _: Body, value: str, delivery: Delivery) -> Message:
        env = await self._desk.requests.by_id(EnvId(value))
        asked = delivery.asked
        kept = await self._desk.reaping.keep(env.id, asked.actor, rule=asked.rule)
        return await _answered(self._desk, env, kept)

    async def _go(self, _: Body, value: str, delivery: Delivery) -> Message:
        return await self._decided(value, delivery, go=True)

    async def _no_go(self, _: Body, value: str, delivery: Delivery) -> Message:
        return await self._decided(value, delivery, go=False)

    async def _decided(self, question: str, delivery: Delivery, *, go: bool) -> Message:
        """Whoever comes second is told who was first."""
        who, rule = delivery.asked.actor, delivery.asked.rule
        stands = await self._desk.reaping.answer(question, who, go=go, rule=rule)
        wanted = Answer.GO if go else Answer.NO_GO
        if stands is None or stands.answer is not wanted or stands.by != who:
            return braking.outdated(stands)
        return braking.decided(stands, self._desk.style)

    async def _plan(self, _: Body, __: str, delivery: Delivery) -> Message:
        return await reaper.answer(self._desk, Reaper(Wish.PLAN), delivery)


async def until_merge(desk: Desk, env: Environment, delivery: Delivery) -> Message:
    """It stays until its work is over in GitLab.

    Raises:
        UserError: it goes or is gone.
    """
    asked = delivery.asked
    kept = await desk.reaping.until_merge(env.id, asked.actor, rule=asked.rule)
    return await _answered(desk, env, kept)


async def _answered(desk: Desk, env: Environment, kept: Warned | None) -> Message:
    if kept is not None:
        return stays(kept, desk.style)
    now = await desk.requests.by_id(env.id)
    raise going(now) or UserError(f"`{env.branch}` is changed at this moment: try again.")
