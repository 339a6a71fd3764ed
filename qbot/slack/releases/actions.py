"""Buttons about stages. A value names a promotion and what the presser saw, never a right."""

from dataclasses import replace

from qbot.domain import actions
from qbot.domain.policy import Denied
from qbot.domain.promotion import promotion_name
from qbot.domain.release_commands import Rollback
from qbot.operations.releases.known import APPROVE
from qbot.operations.releases.passing import needs_reason
from qbot.operations.releases.verdicts import REJECT
from qbot.render.blocks import Message
from qbot.render.notices import notice
from qbot.render.releases.keeping import now_free, will_tell
from qbot.slack.families import Press, read_later
from qbot.slack.grounds import Grounding, number_of
from qbot.slack.payload import Body, Delivery
from qbot.slack.releases.desk import ReleaseDesk
from qbot.slack.releases.forms import ReleaseForms
from qbot.slack.releases.looking import Looking
from qbot.slack.releases.showing import Showing


class ReleaseActions:
    """Answers what was pressed; the card shows the effect."""

    def __init__(self, desk: ReleaseDesk, forms: ReleaseForms, grounding: Grounding) -> None:
        self._desk = desk
        self._forms = forms
        self._grounding = grounding

    @property
    def table(self) -> dict[str, Press]:
        """By action id."""
        looking, on = Looking(self._desk), self._grounding.of_promotion
        return {
            actions.APPROVE: Press(self._approve, submits=True, grounds=on),
            actions.REJECT: Press(self._reject, grounds=on),
            actions.PROMO_WITHDRAW: Press(self._withdraw, submits=True, grounds=on),
            actions.PROMO_RETRY: Press(self._retry, submits=True, grounds=on),
            actions.PROMO_ABANDON: Press(self._abandon, submits=True, grounds=on),
            actions.PROMO_ROLLBACK: Press(self._roll_back, submits=True, grounds=on),
            actions.ROLLBACK_TO: Press(self._roll_back_to, submits=True, grounds=on),
            actions.PROMO_DETAILS: Press(looking.details),
            actions.PROMO_DETAILS_REFRESH: Press(looking.turn),
            actions.PROMO_DETAILS_BACK: Press(looking.turn),
            actions.PROMO_DETAILS_ON: Press(looking.turn),
            actions.PROMO_DIFF: Press(looking.diff),
            actions.MERGE_REQUEST: Press(read_later),
            actions.REASON_INPUT: Press(read_later),
            actions.EMERGENCY_INPUT: Press(read_later),
            actions.SHOW_PLACE: Press(self._show_place),
            actions.TELL_FREE: Press(self._tell_free),
        }

    async def _approve(self, _: Body, value: str, delivery: Delivery) -> Message | None:
        on_card = await self._on_its_card(value, delivery, APPROVE)
        number, digest = number_of(value), value.partition(":")[2]
        if await self._desk.verdicts.approve(number, digest, delivery.asked):
            return notice("You approved this already.")
        return None if on_card else notice(f"You approved {promotion_name(number)}.")

    async def _reject(self, _: Body, value: str, delivery: Delivery) -> Message | None:
        await self._on_its_card(value, delivery, REJECT)
        return await self._forms.open_reject(value, delivery)

    async def _withdraw(self, _: Body, value: str, delivery: Delivery) -> Message | None:
        await self._desk.requests.withdraw(number_of(value), delivery.asked)
        return None

    async def _retry(self, _: Body, value: str, delivery: Delivery) -> Message | None:
        done = await self._desk.requests.retry(number_of(value), delivery.asked)
        return await self._desk.submitted(done)

    async def _abandon(self, _: Body, value: str, delivery: Delivery) -> Message | None:
        done = await self._desk.requests.abandon(number_of(value), delivery.asked)
        return await self._desk.submitted(done) if done else None

    async def _roll_back(self, _: Body, value: str, delivery: Delivery) -> Message | None:
        actor = delivery.asked.actor
        wanted = await self._desk.requests.undoing(number_of(value), actor)
        return await self._back(wanted, delivery)

    async def _roll_back_to(self, _: Body, value: str, delivery: Delivery) -> Message | None:
        wanted = await self._desk.requests.returning(number_of(value), delivery.asked.actor)
        kept = await self._desk.asked(delivery)
        return await self._back(wanted, replace(delivery, asked=kept))

    async def _back(self, wanted: Rollback, delivery: Delivery) -> Message | None:
        """Who is exempt from what stands in the way is asked why."""
        stage = self._desk.context.stage(wanted.place)
        register, actor = self._desk.register, delivery.asked.actor
        if await needs_reason(register, stage, wanted.services, actor):
            return await self._forms.open_exception(wanted, delivery)
        return await self._desk.submitted(
            await self._desk.requests.rollback(wanted, delivery.asked)
        )

    async def _show_place(self, _: Body, value: str, __: Delivery) -> Message | None:
        return await Showing(self._desk).show(self._desk.context.stage(value).name)

    async def _tell_free(self, _: Body, value: str, delivery: Delivery) -> Message | None:
        place = await self._desk.obstacles.name_of(value)
        lock = await self._desk.obstacles.await_free(value, delivery.asked.actor)
        return will_tell(place) if lock else now_free(place)

    async def _on_its_card(self, value: str, delivery: Delivery, action: str) -> bool:
        """Whether it was pressed on the card itself: only that is kept up to date.

        A reminder in the presser's own DM is as good: the digest says what was seen.

        Raises:
            RefusedError: the button was on another message.
        """
        actor = delivery.asked.actor
        known = await self._desk.register.known(number_of(value), actor, action)
        row = await self._desk.desk.cards.card(known.promotion.op)
        if row is None or not row.ts or delivery.pressed in ("", row.ts):
            return True
        place = delivery.asked.place
        if place.direct and place.channel != row.posted_channel:
            return False
        copied = Denied(
            f"That is a copy of the card of {known.promotion.name}, or an older one. "
            "Decide on the card itself: it is kept up to date.",
            "copied",
        )
        raise await self._desk.register.refuse(known, actor, action, copied)
