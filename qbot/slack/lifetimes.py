"""Commands, buttons and menus about how long environments live, and whose they are."""

from typing import assert_never

from qbot.domain import actions, grammar
from qbot.domain.lifetime import UNTIL_MERGE, Moved
from qbot.domain.lifetime_grammar import Extend, LifetimeCommand, PinIt, Transfer, Unpin
from qbot.domain.names import EnvId
from qbot.domain.operation import QuotaReached
from qbot.domain.people import Actor, Place
from qbot.domain.policy import Denied, Room, admit
from qbot.errors import UserError
from qbot.operations.lifetimes import Lifetimes
from qbot.operations.rights import Grounds
from qbot.render import lifetimes as render
from qbot.render.blocks import Message
from qbot.render.notices import quota
from qbot.slack import keeping
from qbot.slack.families import Press
from qbot.slack.grounds import Grounding
from qbot.slack.payload import Body, Delivery
from qbot.slack.private import tell
from qbot.slack.releases.desk import ReleaseDesk

_DIRECT = Place("")


class LifetimeDesk:
    """Answers what was typed, pressed and chosen."""

    def __init__(self, releases: ReleaseDesk, grounding: Grounding) -> None:
        self._releases = releases
        self._desk = releases.desk
        self._grounding = grounding

    @property
    def table(self) -> dict[str, Press]:
        """By action id."""
        of_env = self._grounding.of_environment
        return {
            actions.EXTEND: Press(self._extend, grounds=self._of_menu),
            actions.TERM: Press(self._choose, grounds=self._of_choice),
            actions.PIN: Press(self._pin, grounds=of_env),
            actions.UNPIN: Press(self._unpin, grounds=of_env),
        }

    async def answer(self, command: LifetimeCommand, delivery: Delivery) -> Message:
        """What became of it, for the person who asked.

        Raises:
            UserError: it cannot be done.
        """
        desk, style, asked = self._desk, self._desk.style, delivery.asked
        moves, now = Lifetimes(desk.context, desk.requests, desk.lifetimes), desk.context.clock.now
        match command:
            case Extend():
                moved = await moves.extend(command, asked)
                return render.extended(moved, style, by=command.by, now=now())
            case PinIt():
                until = self._releases.obstacles.until(command.until, now())
                moved = await moves.pin(command, until, asked)
                return render.pinned(moved, style, asker=asked.actor)
            case Unpin():
                return render.unpinned(await moves.unpin(command, asked), now=now())
            case Transfer():
                return await self._transfer(moves, command, delivery)
            case _:
                assert_never(command)

    async def _transfer(self, moves: Lifetimes, wanted: Transfer, delivery: Delivery) -> Message:
        asked, to = delivery.asked, Actor(delivery.asked.actor.team, wanted.user)
        await self._ensure_served(to)
        answer = await moves.transfer(wanted, to, asked)
        if isinstance(answer, QuotaReached):
            return quota(answer, now=self._desk.context.clock.now(), asker=asked.actor)
        if answer.changed:
            self._desk.later(self._tell_both(answer, asked.actor))
        return render.transferred(answer, self._desk.style, asker=asked.actor)

    async def _ensure_served(self, to: Actor) -> None:
        """Whoever gets an environment has to be able to care for it.

        Raises:
            UserError: nobody was mentioned; guests, bots and people from outside are not able.
        """
        if not to.user:
            raise UserError(
                "That is nobody whom Slack knows.",
                hint="Type `@` and choose the person from Slack's list.",
            )
        visitor = await self._releases.visitors.visitor(to)
        decision = admit(visitor, Room("", shared=False, direct=True), team=to.team)
        if isinstance(decision, Denied):
            raise UserError(
                f"That person cannot have an environment. {decision.reason}",
                hint="Choose a full member of this workspace.",
            )

    async def _tell_both(self, moved: Moved, asker: Actor) -> None:
        """Whose it was and whose it is, in their DM; who asked has the answer already."""
        said = render.handed_over(moved, self._desk.style, by=asker)
        for who in {moved.before.owner, moved.after.owner} - {asker}:
            await tell(self._desk.slack, who, _DIRECT, said)

    async def _extend(self, _: Body, value: str, delivery: Delivery) -> Message:
        env, by = (*value.split(":", 1), "")[:2]
        found = await self._desk.requests.by_id(EnvId(env))
        if by == UNTIL_MERGE:
            return await keeping.until_merge(self._desk, found, delivery)
        return await self.answer(Extend(found.name, grammar.duration(by)), delivery)

    async def _pin(self, _: Body, value: str, delivery: Delivery) -> Message:
        found = await self._desk.requests.by_id(EnvId(value))
        return await self.answer(PinIt(found.name), delivery)

    async def _unpin(self, _: Body, value: str, delivery: Delivery) -> Message:
        found = await self._desk.requests.by_id(EnvId(value))
        return await self.answer(Unpin(found.name), delivery)

    async def _choose(self, body: Body, value: str, delivery: Delivery) -> Message:
        """The menu of a card: its choices are those of buttons, and judged as these."""
        verb, _, rest = value.partition(":")
        chosen = {"extend": self._extend, "pin": self._pin, "unpin": self._unpin}.get(verb)
        if chosen is None:
            raise UserError("That choice is none of Qbot's.")
        return await chosen(body, rest, delivery)

    async def _of_menu(self, value: str, actor: Actor) -> Grounds:
        return await self._grounding.of_environment(value.partition(":")[0], actor)

    async def _of_choice(self, value: str, actor: Actor) -> Grounds:
        return await self._of_menu(value.partition(":")[2], actor)
