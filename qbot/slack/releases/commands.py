"""Commands about stages: changes of what is in the way are told to the channel."""

from dataclasses import replace
from typing import assert_never

from qbot.domain.barriers import BarredError
from qbot.domain.commands import spec_of
from qbot.domain.names import StageName
from qbot.domain.people import Actor
from qbot.domain.policy import Allowed, Decision, Denied, Room, admit
from qbot.domain.release_commands import (
    Can,
    FreezeIt,
    History,
    Link,
    LockIt,
    Promote,
    Release,
    Rollback,
    Unfreeze,
    Unlock,
)
from qbot.domain.stages import ApprovalRule
from qbot.domain.subjects import of_command
from qbot.errors import UserError
from qbot.operations.possible import in_the_way
from qbot.operations.releases.obstacles import Freed, LockedError
from qbot.operations.releases.passing import barred_by
from qbot.operations.releases.voters import exemption_works, too_few
from qbot.operations.requests import Asked
from qbot.operations.rights import Grounds
from qbot.render.blocks import Message
from qbot.render.history import Turn
from qbot.render.releases import keeping
from qbot.render.releases.rights import can, link_account
from qbot.slack.grounds import Grounding
from qbot.slack.payload import Delivery
from qbot.slack.releases.chores import tell_free
from qbot.slack.releases.desk import ReleaseDesk
from qbot.slack.releases.forms import ReleaseForms
from qbot.slack.releases.past import page
from qbot.slack.releases.showing import Showing

OnStage = (
    Promote | Rollback | Release | LockIt | Unlock | FreezeIt | Unfreeze | History | Can | Link
)
_PRESSED = ("approve", "reject", "cancel", "reap", "pause")  # rights that no verb is named by


class ReleaseCommands:
    """Answers what was typed."""

    def __init__(self, desk: ReleaseDesk, forms: ReleaseForms, grounding: Grounding) -> None:
        self._desk = desk
        self._forms = forms
        self._grounding = grounding
        self.showing = Showing(desk)

    def is_stage(self, place: str) -> bool:
        """Whether a place is a stage: stages go before environments of that name."""
        return place in self._desk.context.stages

    async def answer(self, command: OnStage, delivery: Delivery) -> Message | None:
        """The private answer, or None where a card, a form or the channel has it.

        Raises:
            UserError: something about the command cannot be done.
        """
        match command:
            case Promote():
                done = await self._desk.requests.promote(command, await self._desk.asked(delivery))
                return await self._desk.submitted(done)
            case Rollback(break_glass=True, reason=""):
                return await self._forms.open_break_glass(command, delivery)
            case Rollback():
                done = await self._desk.requests.rollback(command, await self._desk.asked(delivery))
                return await self._desk.submitted(done)
            case History(place):
                stage = self._desk.context.stage(place)
                return await page(
                    self._desk.context, stage, Turn(stage.scope), self._desk.desk.style
                )
            case Can():
                return await self._can(command, delivery)
            case Link():
                return await self._link(delivery.asked.actor)
            case Release() | LockIt() | Unlock() | FreezeIt() | Unfreeze():
                return await self._keep(command, delivery)
            case _:
                assert_never(command)

    async def _keep(
        self, command: Release | LockIt | Unlock | FreezeIt | Unfreeze, delivery: Delivery
    ) -> Message | None:
        obstacles, asked = self._desk.obstacles, delivery.asked
        style = self._desk.desk.style
        match command:
            case FreezeIt():
                freeze = await obstacles.freeze(command, asked)
                said = keeping.frozen(freeze, style, past=await self._past(freeze.stage))
            case Unfreeze(stage):
                ended = await obstacles.unfreeze(stage, asked)
                waiting = await obstacles.waiting(ended)
                said = keeping.unfrozen(ended.name, asked.actor, waiting=waiting)
            case LockIt(place):
                try:
                    lock = await obstacles.lock(command, asked)
                except LockedError as error:
                    return keeping.lock_taken(error.lock, error.spot.name)
                said = keeping.locked(lock, place, style)
            case Unlock(place):
                said = await self._unlock(place, delivery)
            case Release(stage):
                name = self._desk.context.stage(stage).name
                said = keeping.released(name, await obstacles.release(command, asked), asked.actor)
            case _:
                assert_never(command)
        place = command.place if isinstance(command, LockIt | Unlock) else command.stage
        self._desk.announce(delivery, said, self._desk.context.stages.get(StageName(place)))
        return None

    async def _past(self, name: StageName) -> keeping.Past:
        context, stage = self._desk.context, self._desk.context.stage(name)
        return keeping.Past(
            promotions=await exemption_works(context, stage.approvals, stage.exempt),
            rollbacks=await exemption_works(context, stage.rollback, stage.exempt),
            glass=bool(stage.break_glass),
        )

    async def _unlock(self, place: str, delivery: Delivery) -> Message:
        spot, lock, waiting = await self._desk.obstacles.unlock(place, delivery.asked)
        freed = Freed(spot.scope, spot.name, waiting)
        self._desk.desk.later(tell_free(self._desk.desk.slack, self._desk.obstacles, freed))
        return keeping.unlocked(lock, spot.name, delivery.asked.actor)

    async def _can(self, command: Can, delivery: Delivery) -> Message:
        me = delivery.asked.actor
        who = Actor(me.team, command.user) if command.user else me
        if command.verb not in _PRESSED:
            spec_of(command.verb)
        decision = await self._decide(command, who, own=who == me)
        wish = f"{command.verb} {command.place}".strip()
        wish = "reaper plan" if wish == "reaper" else wish  # stopping it, and Go, are other rights
        style, takes = self._desk.desk.style, self._takes(command)
        pressed = command.verb in _PRESSED
        never, barred = "", None
        if isinstance(decision, Allowed):
            asked = replace(delivery.asked, actor=who)
            barred = await self._barred(command, takes, who)
            never = await self._in_vain(command.verb, command.place, takes, asked)
        return can(
            who.user,
            wish,
            decision,
            style,
            own=who == me,
            takes=takes,
            pressed=pressed,
            never=never,
            barred=barred,
        )

    async def _barred(
        self, command: Can, takes: ApprovalRule | None, who: Actor
    ) -> BarredError | None:
        """The freezes and locks of a stage that would stop it now; holds are about services."""
        stage = self._desk.context.stages.get(StageName(command.place))
        back = command.verb == "rollback"
        if stage is None or takes is None:
            return None
        stops = await self._desk.context.barriers(stage, (), who, back=back)
        if not stops:
            return None
        works = await exemption_works(self._desk.context, takes, stage.exempt)
        return barred_by(stops, stage, back=back, exempt=works)

    async def _in_vain(
        self, verb: str, place: str, takes: ApprovalRule | None, asked: Asked
    ) -> str:
        """Why it would be refused as things are, or never be approved; empty: it would not."""
        vain = await too_few(self._desk.context, takes, asked.actor) if takes else None
        if vain:
            return f"{vain} {vain.hint}"
        if not place or self.is_stage(place) or verb in _PRESSED:
            return ""
        desk = self._desk.desk
        now = await in_the_way(desk.context, desk.requests, verb, place, asked)
        return f"Not now: {now}" if now else ""

    def _takes(self, command: Can) -> ApprovalRule | None:
        """Whose approval what is asked for takes in the end."""
        stage = self._desk.context.stages.get(StageName(command.place))
        if stage is None or command.verb not in ("promote", "rollback"):
            return None
        return stage.rollback if command.verb == "rollback" else stage.approvals

    async def _decide(self, command: Can, who: Actor, *, own: bool) -> Decision:
        if not own:  # whoever asks was admitted
            visitor = await self._desk.visitors.visitor(who)
            admitted = admit(visitor, Room("", shared=False, direct=True), team=who.team)
            if isinstance(admitted, Denied):
                return admitted
        subject = of_command(command.verb)
        if command.verb == "create":
            return await self._desk.rights.decide(subject, who, Grounds(owner=who))
        if not command.place:
            if self._desk.rights.authority.needs_grounds(subject):
                raise UserError(
                    f"That depends on the place: `can {command.verb}` needs a stage or an "
                    "environment.",
                    hint=f"For instance `can {command.verb} production`.",
                )
            return await self._desk.rights.decide(subject, who)
        unlocks = command.verb == "unlock"
        grounds = await self._grounding.of_place(command.place, who, unlocks=unlocks)
        return await self._desk.rights.decide(subject, who, grounds)

    async def _link(self, actor: Actor) -> Message:
        if self._desk.link is None:
            raise UserError(
                "Linking GitLab accounts is not set up here.",
                hint="Ask whoever runs Qbot to add you to `people` in qbot.yaml.",
            )
        return link_account(await self._desk.link(actor))
