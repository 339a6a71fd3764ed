"""Commands about the versions of environments: other versions, earlier ones, differences, jobs."""

from dataclasses import replace
from typing import assert_never

from qbot.domain import actions
from qbot.domain.environment import Environment
from qbot.domain.history import Deed, Entry
from qbot.domain.names import EnvId
from qbot.domain.operation import Operation
from qbot.domain.release_commands import Deploy, Diff, History, Rollback, RunJob
from qbot.errors import UserError
from qbot.operations.releases.differing import Place, differences
from qbot.operations.releases.job_requests import JobRequests
from qbot.operations.releases.past import Dated, past
from qbot.operations.version_requests import VersionRequests
from qbot.render.blocks import Message
from qbot.render.history import PAGE, Turn, history
from qbot.render.releases.differing import diff
from qbot.slack.families import Press
from qbot.slack.payload import Body, Delivery
from qbot.slack.releases.desk import ReleaseDesk
from qbot.slack.releases.past import page

OfVersions = Deploy | Rollback | Diff | History | RunJob


class Versions:
    """Answers what was typed, and the buttons of what it answered."""

    def __init__(
        self, releases: ReleaseDesk, *, requests: VersionRequests, jobs: JobRequests
    ) -> None:
        self._releases = releases
        self._desk = releases.desk
        self._requests = requests
        self._jobs = jobs

    @property
    def table(self) -> dict[str, Press]:
        """By action id."""
        return {
            actions.HISTORY_BACK: Press(self._turn),
            actions.HISTORY_ON: Press(self._turn),
        }

    async def answer(self, command: OfVersions, delivery: Delivery) -> Message | None:
        """The private answer, or None where a card is the answer.

        Raises:
            UserError: something about the command cannot be done.
        """
        desk, asked = self._desk, delivery.asked
        match command:
            case Deploy():
                return await desk.submitted(await self._requests.deploy(command, asked))
            case Rollback():
                return await desk.submitted(await self._requests.restore(command, asked))
            case RunJob():
                return await desk.submitted(await self._jobs.run(command, asked))
            case Diff(left, right):
                here, there = await self._place(left), await self._place(right)
                if here == there:
                    raise UserError(f"`{left}` and `{right}` are the same.", hint="Name two.")
                return await self._difference(here, there)
            case History(place):
                env = await self._known(place)
                return await self._page(env, Turn(env.id))
            case _:
                assert_never(command)

    async def _place(self, text: str) -> Place:
        spot = await self._releases.obstacles.spot(text)
        found = spot.stage or spot.env
        if found is None:
            raise UserError(f"There is no `{text[:80]}`.")
        if isinstance(found, Environment):
            return await self._desk.requests.by_id(found.id)  # with its plans
        return found

    async def _difference(self, left: Place, right: Place) -> Message:
        found = await differences(self._releases.context, left, right)
        return diff(found, self._desk.style)

    async def _known(self, text: str) -> Environment:
        """Also one that is gone: what became of it is asked most then."""
        found = await self._desk.context.store.find(text)
        return found or await self._desk.requests.living(text)

    async def _turn(self, _: Body, value: str, delivery: Delivery) -> Message | None:
        turn, context = Turn.parse(value), self._releases.context
        stage = next((s for s in context.stages.values() if s.scope == turn.env), None)
        if stage is not None:
            shown = page(context, stage, turn, self._desk.style)
            self._desk.replaced(delivery, shown)
            return None
        env = await self._desk.context.store.environment(EnvId(turn.env))
        if env is None:
            raise UserError("Nothing is known of it any more.")
        self._desk.replaced(delivery, self._page(env, turn))
        return None

    async def _page(self, env: Environment, turn: Turn) -> Message:
        dated, more = await past(self._releases.context, env, start=turn.number * PAGE, most=PAGE)
        entries = [await self._linked(d) for d in dated]
        return history(env.branch, entries, self._desk.style, turn, more=more)

    async def _linked(self, dated: Dated) -> Entry | Deed:
        op, entry = dated
        if op is None or isinstance(entry, Deed):
            return entry
        found: Operation | None = await self._desk.context.store.operation(op)
        return replace(entry, url=await self._desk.card_url(found)) if found else entry
