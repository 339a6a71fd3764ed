"""From what a person asked of a stage to an operation in the database.

Resolves names, judges, submits; waits for nobody. What people say of a promotion is `verdicts`,
what stands in the way of one `obstacles`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from qbot.domain.barriers import BarredError, Barrier
from qbot.domain.inputs import PromoteInput, RollbackInput
from qbot.domain.journal import Submitting
from qbot.domain.names import EnvId, PromotionId, ServiceName, StageName
from qbot.domain.operation import Operation, Submission, Submitted
from qbot.domain.people import Actor
from qbot.domain.policy import Denied
from qbot.domain.progress import Kind
from qbot.domain.promotion import Promotion, PromotionKind, PromotionState, Request
from qbot.domain.release_commands import Promote, Rollback
from qbot.domain.rules import services_of
from qbot.domain.stages import ENVIRONMENTS, Stage
from qbot.domain.subjects import of_command
from qbot.domain.undoing import remaining, standing, undone
from qbot.errors import PermanentError, UserError
from qbot.operations.releases.admission import barred
from qbot.operations.releases.glass import may_break
from qbot.operations.releases.known import Known, Register
from qbot.operations.releases.placing import housed
from qbot.operations.releases.reaching import before, ensure_reachable, merged_like
from qbot.operations.requests import Asked, Requests


@dataclass(frozen=True, slots=True)
class Source:
    """Where versions come from: a stage or an environment, one of both."""

    stage: StageName | None = None
    env: EnvId | None = None


class ReleaseRequests:
    """Submits promotions and rollbacks, and what becomes of those that failed."""

    def __init__(
        self,
        *,
        register: Register,
        requests: Requests,
        journal: Submitting,
        wake: Callable[[], None],
    ) -> None:
        self._register = register
        self._context = register.context
        self._requests = requests
        self._journal = journal
        self._wake = wake

    async def promote(self, wanted: Promote, asked: Asked) -> Submitted:
        """Queue a promotion.

        Raises:
            UserError: no such place or service, or the stage takes nothing from there.
        """
        stage = self._context.stage(wanted.stage)
        source = await self._source(wanted.source, stage)
        asked_for = PromoteInput(
            source=source.stage,
            env=source.env,
            stage=stage.name,
            services=self._services(stage, wanted.services),
            running=self._services(stage, wanted.running),
            reason=wanted.reason,
            dry_run=wanted.dry_run,
        )
        request = await self._request(PromotionKind.PROMOTION, asked_for, asked)
        return await self._submit(Kind.PROMOTE, asked_for, request, asked)

    async def rollback(self, wanted: Rollback, asked: Asked) -> Submitted:
        """Queue a rollback of a stage; with the glass broken nobody is asked.

        Raises:
            UserError: no such stage, service or promotion.
            RefusedError: the glass is not this person's to break.
        """
        stage = self._context.stage(wanted.place)
        asked_for = RollbackInput(
            stage=stage.name,
            services=self._services(stage, wanted.services),
            to=wanted.to,
            reason=wanted.reason,
            emergency=wanted.break_glass,
            dry_run=wanted.dry_run,
        )
        if wanted.to is not None:
            await ensure_reachable(self._context, stage, wanted.to)
        if wanted.break_glass:
            await may_break(self._register, stage, wanted.reason, asked.actor)
        request = await self._request(PromotionKind.ROLLBACK, asked_for, asked)
        return await self._submit(Kind.ROLLBACK, asked_for, request, asked)

    async def undoing(self, number: PromotionId, actor: Actor) -> Rollback:
        """Back to what ran before this promotion.

        Raises:
            UserError: it changed nothing, or nothing is known of the time before it.
            BarredError: it was rolled back already; names whom.
        """
        known = await self._register.known(number, actor, "promotion.rollback")
        promotion, plan = known.promotion, known.promotion.plan
        if plan is None or not promotion.merge_sha:
            raise UserError(f"{promotion.name} was not merged: there is nothing to roll back.")
        rows = await merged_like(self._context, promotion)
        if back := undone(rows).get(promotion.id):
            why = f"{promotion.name} was rolled back already, with {back.name}."
            raise BarredError((Barrier("rolled-back", why, by=back.requester),))
        services = remaining(promotion, rows)
        to = before(promotion, services, rows)
        return Rollback(place=known.stage.name, services=services, to=to)

    async def returning(self, number: PromotionId, actor: Actor) -> Rollback:
        """Back to what ran after this promotion.

        Raises:
            UserError: there is none.
        """
        known = await self._register.known(number, actor, "promotion.rollback")
        return Rollback(place=known.stage.name, to=number)

    async def retry(self, number: PromotionId, asked: Asked) -> Submitted:
        """Go on with a failed one where it failed; its approvals stay, and are judged again.

        Raises:
            UserError: it has not failed, or a later one has changed its services since.
            RefusedError: it is a rollback, which this person may not ask for; nobody was asked, and
                the glass is not theirs to break; or it is merged, and a freeze, a lock or a hold
                is in the way of deploying it now.
        """
        known = await self._register.known(number, asked.actor, "promotion.retry")
        promotion = known.promotion
        self._failed(promotion)
        if known.back:  # the button's own right is that of a promotion
            await self._may_roll_back(known, asked.actor)
        if promotion.emergency:
            await may_break(self._register, known.stage, promotion.reason, asked.actor)
        if promotion.merge_sha:  # before its merge all of this is judged by its operation
            await self._may_deploy(known, asked.actor)
        return await self._again(known, asked, abandon=False)

    async def abandon(self, number: PromotionId, asked: Asked) -> Submitted | None:
        """Give up a failed or replaced one: an operation closes its merge request.

        None: it was being deployed, and its own operation stops.

        Raises:
            UserError: it has neither failed nor is it being deployed.
        """
        known = await self._register.known(number, asked.actor, "promotion.abandon")
        if (
            known.promotion.state is PromotionState.MERGED
            and await self._context.promotions.give_up(number, asked.actor, rule=asked.rule)
        ):
            self._wake()
            return None
        if not known.promotion.replaced:
            self._failed(known.promotion)
        return await self._again(known, asked, abandon=True)

    async def withdraw(self, number: PromotionId, asked: Asked) -> None:
        """Take an open one back; its operation closes the merge request.

        Raises:
            UserError: it is over, or merged.
        """
        known = await self._register.known(number, asked.actor, "promotion.withdraw")
        promotion = known.promotion
        if not promotion.state.open or promotion.state is PromotionState.MERGED:
            raise UserError(
                f"{promotion.name} cannot be withdrawn any more: it is {promotion.word}."
            )
        if not await self._journal.request_cancel(promotion.op, asked.actor):
            raise UserError(f"{promotion.name} has ended already.")
        self._wake()

    async def _source(self, text: str, stage: Stage) -> Source:
        name = StageName(text)
        if name == stage.name:
            raise UserError(f"`{stage.name}` cannot be promoted to itself.")
        takes = " or ".join(
            "a branch environment" if s == ENVIRONMENTS else f"`{s}`" for s in stage.sources
        )
        if name in self._context.stages:
            if name not in stage.sources:
                raise UserError(f"`{stage.name}` takes versions from {takes} only.")
            return Source(stage=name)
        env = await self._requests.living(text)
        if ENVIRONMENTS not in stage.sources:
            raise UserError(
                f"`{stage.name}` takes versions from {takes} only, not from a branch environment.",
                hint=f"`promote {stage.sources[0]} {stage.name}` does.",
            )
        return Source(env=env.id)

    def _services(self, stage: Stage, names: tuple[ServiceName, ...]) -> tuple[ServiceName, ...]:
        base = self._context.base
        found = services_of(base.catalog, base.sets, names)
        for service in found:
            if service not in stage.services:
                raise UserError(f"`{service}` is not part of `{stage.name}`.")
        return found

    async def _may_roll_back(self, known: Known, actor: Actor) -> None:
        rights = self._register.rights
        decision = await rights.decide(of_command("rollback"), actor, known.grounds)
        if isinstance(decision, Denied):
            raise await self._register.refuse(known, actor, "promotion.retry", decision)

    async def _request(
        self, kind: PromotionKind, asked_for: PromoteInput | RollbackInput, asked: Asked
    ) -> Request | None:
        """With the account of now: whoever that is never approves it. A dry run has none."""
        if asked_for.dry_run:
            return None
        person = await self._register.person(asked.actor, fresh=False)
        request = Request(kind, asked_for.stage, person.account, asked_for.reason)
        if isinstance(asked_for, RollbackInput):
            return replace(request, emergency=asked_for.emergency, to=asked_for.to)
        return request

    def _failed(self, promotion: Promotion) -> None:
        if promotion.state is not PromotionState.FAILED:
            raise UserError(
                f"{promotion.name} is {promotion.word} now: that button is out of date.",
                hint=f"`history {promotion.stage}` says how everything ended.",
            )

    async def _again(self, known: Known, asked: Asked, *, abandon: bool) -> Submitted:
        promotion = known.promotion
        before = await self._operation(promotion)
        if not isinstance(before.input, PromoteInput | RollbackInput):
            raise PermanentError(f"Operation {before.id} does not carry {promotion.name}.")
        asked_for = replace(before.input, again=promotion.id, abandon=abandon)
        request = Request(
            kind=promotion.kind,
            stage=promotion.stage,
            account=promotion.account,
            reason=promotion.reason,
            emergency=promotion.emergency,
            to=promotion.to,
            again=promotion.id,
        )
        return await self._submit(before.kind, asked_for, request, asked)

    async def _may_deploy(self, known: Known, actor: Actor) -> None:
        promotion, context = known.promotion, self._context
        services, later = standing(promotion, await merged_like(context, promotion))
        if later and not services:
            raise UserError(
                f"{promotion.name} is overtaken by {later.name}, which has changed the same "
                "services since.",
                hint="Abandon puts an end to it.",
            )
        ask = partial(self._register.person, fresh=True)
        stops, _ = await barred(context, known.stage, promotion, services, by=actor, ask=ask)
        if stops:
            denied = Denied(f"{stops[0].reason} Retry when that is over.", stops[0].rule)
            raise await self._register.refuse(known, actor, "promotion.retry", denied)

    async def _operation(self, promotion: Promotion) -> Operation:
        found = await self._context.base.store.operation(promotion.op)
        if found is None:
            raise UserError(
                f"{promotion.name} is too old: nothing more is known of it.",
                hint="Ask for it again.",
            )
        return found

    async def _submit(
        self,
        kind: Kind,
        asked_for: PromoteInput | RollbackInput,
        request: Request | None,
        asked: Asked,
    ) -> Submitted:
        wish = Submission(
            kind=kind,
            input=asked_for,
            env=None,
            actor=asked.actor,
            place=asked.place,
            key=asked.key,
            rule=asked.rule,
            stage=asked_for.stage,
            request=request and housed(request, self._context.stage(asked_for.stage), asked.place),
        )
        answer = await self._journal.submit(wish)
        if not isinstance(answer, Submitted):
            raise TypeError(answer)  # only a reservation is refused by the database
        self._wake()
        return answer
