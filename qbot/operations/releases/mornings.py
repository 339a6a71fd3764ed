"""What people's own digests tell: read once for everybody, then told apart for each person."""

from collections.abc import Sequence
from dataclasses import dataclass

from qbot.domain.barriers import Freeze, Hold
from qbot.domain.morning import Morning
from qbot.domain.people import Actor
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.homes import Everything, Lookout


@dataclass(frozen=True, slots=True)
class Everybody:
    """The same for all."""

    everything: Everything
    holds: Sequence[Hold]
    freezes: Sequence[Freeze]


@dataclass(frozen=True, slots=True)
class MorningGatherer:
    """Reads; changes nothing."""

    context: ReleaseContext
    lookout: Lookout

    async def everybody(self) -> Everybody:
        """As it is now.

        Raises:
            TransientError: the database is away.
        """
        promotions = self.context.promotions
        everything = await self.lookout.everything()
        return Everybody(everything, await promotions.holds(), await promotions.freezes())

    async def morning(self, actor: Actor, everybody: Everybody) -> Morning:
        """One person's."""
        return Morning(
            await self.lookout.home(actor, everybody.everything),
            [hold for hold in everybody.holds if hold.by == actor],
            [freeze for freeze in everybody.freezes if freeze.by == actor],
        )
