"""What a command, button or form is done to, as far as the authority has to know it.

A stage counts before an environment of the same name, as in every command that takes both.
"""

from qbot.domain import release_commands as releases
from qbot.domain.commands import Command, Create, Delete, Help, List, Overview, Show, Sync
from qbot.domain.doctor_grammar import Doctor
from qbot.domain.lifetime_grammar import Extend, PinIt, Transfer, Unpin
from qbot.domain.morning_grammar import OwnDigest
from qbot.domain.names import EnvId, OpId, PromotionId
from qbot.domain.people import Actor
from qbot.domain.promotion import promotion_id
from qbot.domain.reaper_grammar import Reaper
from qbot.domain.restore_grammar import Restore
from qbot.errors import UserError
from qbot.operations.releases.obstacles import Spot
from qbot.operations.rights import NO_GROUNDS, Grounds
from qbot.slack.releases.desk import ReleaseDesk

_DESTRUCTIVE = (Delete, Transfer, releases.Rollback)
_OF_STAGES = (releases.Promote, releases.FreezeIt, releases.Unfreeze)


class Grounding:
    """Looks it up, for whoever asks."""

    def __init__(self, desk: ReleaseDesk) -> None:
        self._desk = desk

    async def of_command(self, command: Command, actor: Actor) -> Grounds:
        """Of a typed line.

        Raises:
            UserError: it names a place that there is not.
        """
        place, unlocks = place_of(command), isinstance(command, releases.Unlock)
        if not place:
            return Grounds(owner=actor)  # a form: judged again when it is submitted
        if isinstance(command, Restore):
            deleted = await self._desk.desk.context.store.deleted(place)
            return Grounds(owner=deleted.environment.owner) if deleted else NO_GROUNDS
        if isinstance(command, releases.Release):
            return Grounds(approval=(await self._desk.obstacles.holding(place)).approvals)
        if isinstance(command, _OF_STAGES):
            return Grounds(approval=self._desk.context.stage(place).approvals)
        guess = not isinstance(command, _DESTRUCTIVE)
        if unlocks:
            await self._desk.obstacles.ensure_locked(place, guess=guess)
        return await self.of_place(place, actor, unlocks=unlocks, guess=guess)

    async def of_place(
        self, place: str, actor: Actor, *, unlocks: bool = False, guess: bool = True
    ) -> Grounds:
        """Of a stage or an environment; with `unlocks` the lock's owner counts as well.

        With `guess` whoever names no place is told the nearest ones.
        """
        spot = await self._desk.obstacles.spot(place, guess=guess)
        owners = [spot.env.owner] if spot.env else []
        if unlocks and (lock := await self._desk.obstacles.locked_by(spot.scope)):
            owners.append(lock.by)
        return _grounds(spot, owners, actor)

    async def of_asker(self, _: str, actor: Actor) -> Grounds:
        """Of a form that is opened or filled in: what it is about is judged when it is sent."""
        return Grounds(owner=actor)

    async def of_environment(self, value: str, _: Actor) -> Grounds:
        """Of a button or menu that holds an environment's id."""
        env = await self._desk.desk.context.store.environment(EnvId(value))
        return Grounds(owner=env.owner) if env else NO_GROUNDS

    async def of_operation(self, value: str, actor: Actor) -> Grounds:
        """Of a button that holds an operation's id: its environment's owner."""
        found = await self._desk.desk.context.store.operation(OpId(value))
        if found is None or found.env is None:
            return Grounds(owner=found.actor) if found else NO_GROUNDS
        return await self.of_environment(found.env, actor)

    async def of_promotion(self, value: str, actor: Actor) -> Grounds:
        """Of a button that holds `P-12`, with or without a digest behind it.

        Raises:
            RefusedError: there is no such promotion, or no such stage any more.
        """
        number = number_of(value)
        return (await self._desk.register.known(number, actor, "promotion.pressed")).grounds


def number_of(value: str) -> PromotionId:
    """The promotion of a button.

    Raises:
        UserError: it names none.
    """
    found = promotion_id(value.partition(":")[0])
    if found is None:
        raise UserError("That button belongs to no promotion.")
    return found


def place_of(command: Command) -> str:
    """The stage or environment that a command changes or shows; empty: none."""
    match command:
        case Show(place) | Delete(place) | Sync(env=place) | releases.Deploy(env=place):
            return place
        case Extend(place) | PinIt(place) | Unpin(place) | Transfer(place) | Restore(place):
            return place
        case releases.Promote(stage=place) | releases.Release(stage=place):
            return place
        case releases.FreezeIt(stage=place) | releases.Unfreeze(place):
            return place
        case releases.Rollback(place=place) | releases.RunJob(place=place):
            return place
        case releases.LockIt(place=place) | releases.Unlock(place):
            return place
        case releases.History(place):
            return place
        case Overview() | Help() | Create() | List() | OwnDigest() | Reaper() | Doctor():
            return ""
        case releases.Diff() | releases.Can() | releases.Link():
            return ""


def _grounds(spot: Spot, owners: list[Actor], actor: Actor) -> Grounds:
    """One of several owners is the one that asks, if any."""
    owner = actor if actor in owners else next(iter(owners), None)
    return Grounds(owner, spot.stage.approvals if spot.stage else None)
