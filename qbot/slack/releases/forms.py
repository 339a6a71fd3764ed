"""Forms that ask for a reason: to reject, and to break the glass. Ids only in their metadata."""

from typing import Any

from qbot.domain import actions
from qbot.domain.names import ServiceName
from qbot.domain.people import Actor
from qbot.domain.promotion import promotion_id, promotion_name
from qbot.domain.release_commands import Rollback
from qbot.errors import UserError
from qbot.operations.releases.glass import before_breaking
from qbot.operations.rights import Grounds
from qbot.redaction import redact
from qbot.render.blocks import Message
from qbot.render.releases.forms import break_glass_form, exception_form, reject_form
from qbot.render.releases.titles import what
from qbot.slack.families import Form
from qbot.slack.grounds import Grounding, number_of
from qbot.slack.payload import SEPARATOR, Delivery
from qbot.slack.releases.desk import ReleaseDesk

_DRY = "dry"  # in a form's metadata: what comes of it is a preview


class ReleaseForms:
    """Opens them and reads what comes back."""

    def __init__(self, desk: ReleaseDesk, grounding: Grounding) -> None:
        self._desk = desk
        self._grounding = grounding

    @property
    def table(self) -> dict[str, Form]:
        """By callback id."""
        return {
            actions.REJECT_SUBMIT: Form(self._reject, actions.REASON_INPUT, self._of_value),
            actions.BREAK_GLASS_SUBMIT: Form(
                self._break_glass, actions.EMERGENCY_INPUT, self._of_stage
            ),
            actions.EXCEPTION_SUBMIT: Form(
                self._exception, actions.EMERGENCY_INPUT, self._of_stage
            ),
        }

    async def open_reject(self, value: str, delivery: Delivery) -> Message | None:
        """Ask why; whoever may not reject is told so at once.

        Raises:
            UserError: it would not count, or it is too late to open a form.
        """
        number, _, digest = value.partition(":")
        known = await self._desk.verdicts.before_reject(
            number_of(value), digest, delivery.asked.actor
        )
        operation = await self._desk.context.base.store.operation(known.promotion.op)
        about = what(await self._desk.shown(operation)) if operation else number
        view = reject_form(value, about)
        await self._desk.desk.open_view(delivery, view, instead=f"history {known.stage.name}")
        return None

    async def open_break_glass(self, wanted: Rollback, delivery: Delivery) -> Message | None:
        """Ask for the reason that `--break-glass` lacks.

        Raises:
            UserError: no such stage or service, it is not this person's to break, or it is too
                late to open a form.
        """
        stage = self._desk.context.stage(wanted.place)
        await before_breaking(self._desk.register, stage, delivery.asked.actor)
        metadata = _metadata(wanted, delivery)
        view = break_glass_form(metadata, stage.name, wanted.services, dry_run=wanted.dry_run)
        instead = f'rollback {stage.name} --break-glass --reason "checkout is down"'
        await self._desk.desk.open_view(delivery, view, instead=instead)
        return None

    async def open_exception(self, wanted: Rollback, delivery: Delivery) -> Message | None:
        """Ask an exempt person why the freeze is passed.

        Raises:
            UserError: it is too late to open a form.
        """
        view = exception_form(_metadata(wanted, delivery), wanted.place, wanted.services)
        instead = f'rollback {wanted.place} --reason "checkout is down"'
        await self._desk.desk.open_view(delivery, view, instead=instead)
        return None

    async def _reject(
        self, inputs: dict[str, Any], metadata: str, delivery: Delivery
    ) -> Message | None:
        reason = _reason(inputs, actions.REASON_INPUT)
        digest = metadata.partition(":")[2]
        await self._desk.verdicts.reject(number_of(metadata), digest, reason, delivery.asked)
        return None

    async def _break_glass(
        self, inputs: dict[str, Any], metadata: str, delivery: Delivery
    ) -> Message | None:
        return await self._back(inputs, metadata, delivery, glass=True)

    async def _exception(
        self, inputs: dict[str, Any], metadata: str, delivery: Delivery
    ) -> Message | None:
        return await self._back(inputs, metadata, delivery, glass=False)

    async def _back(
        self, inputs: dict[str, Any], metadata: str, delivery: Delivery, *, glass: bool
    ) -> Message | None:
        _, stage, to, services, dry = _parts(metadata)
        wanted = Rollback(
            place=stage,
            services=tuple(ServiceName(s) for s in services.split(",") if s),
            to=promotion_id(to) if to else None,
            reason=_reason(inputs, actions.EMERGENCY_INPUT),
            break_glass=glass,
            dry_run=dry == _DRY,
        )
        done = await self._desk.requests.rollback(wanted, await self._desk.asked(delivery))
        return await self._desk.submitted(done)

    async def _of_value(self, _: dict[str, Any], metadata: str, actor: Actor) -> Grounds:
        return await self._grounding.of_promotion(metadata, actor)

    async def _of_stage(self, _: dict[str, Any], metadata: str, actor: Actor) -> Grounds:
        return await self._grounding.of_place(_parts(metadata)[1], actor)


def _metadata(wanted: Rollback, delivery: Delivery) -> str:
    """What the submission has to know."""
    to = promotion_name(wanted.to) if wanted.to is not None else ""
    channel, dry = delivery.asked.place.channel, _DRY if wanted.dry_run else ""
    return SEPARATOR.join([channel, wanted.place, to, ",".join(wanted.services), dry])


def _parts(metadata: str) -> list[str]:
    match metadata.split(SEPARATOR):
        case [_channel, _stage, _promotion, _services, _dry] as parts:
            return parts
        case _:
            raise UserError("That form is out of date.", hint="Ask for it again.")


def _reason(inputs: dict[str, Any], field: str) -> str:
    text = str(inputs.get(field) or "").strip()
    if not text:
        raise UserError("A reason is needed: others will read it.")
    return redact(text)
