"""What a button or a command about a promotion refers to, as it is now."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import structlog

from qbot.domain.approvals import Person
from qbot.domain.names import PromotionId
from qbot.domain.people import Actor
from qbot.domain.policy import Denied, RefusedError
from qbot.domain.promotion import Promotion, PromotionKind, PromotionState, promotion_name
from qbot.domain.stages import ApprovalRule, Stage
from qbot.errors import TransientError
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.rights import Grounds, Rights

log = structlog.get_logger()
APPROVE = "promotion.approve"
_PATIENCE = 60.0  # seconds for which an approval waits while Slack is asked too often


@dataclass(frozen=True, slots=True)
class Known:
    """A promotion with its stage and the rule by which it is approved."""

    promotion: Promotion
    stage: Stage

    @property
    def back(self) -> bool:
        """Whether it is a rollback."""
        return self.promotion.kind is PromotionKind.ROLLBACK

    @property
    def rule(self) -> ApprovalRule:
        """Who has to agree."""
        return self.stage.rollback if self.back else self.stage.approvals

    @property
    def grounds(self) -> Grounds:
        """For the one authority."""
        return Grounds(self.promotion.requester, self.rule)

    @property
    def facts(self) -> Mapping[str, str]:
        """For the audit log."""
        plan = self.promotion.plan
        facts = {"promotion": self.promotion.name, "stage": self.stage.name}
        return {**facts, "digest": plan.digest} if plan else facts


class Register:
    """Finds promotions and refuses on their behalf."""

    def __init__(self, context: ReleaseContext, rights: Rights) -> None:
        self.context = context
        self.rights = rights

    async def known(self, number: PromotionId, actor: Actor, action: str) -> Known:
        """By the number of a button.

        Raises:
            RefusedError: there is no such promotion, or its stage is gone from qbot.yaml.
            TransientError: it is to be approved, and who asked for it cannot be looked up.
        """
        name = promotion_name(number)
        found = await self.context.promotions.promotion(number)
        if found is None:
            denied = Denied(f"There is no {name} here: that button is a copy.", "unknown")
            raise await self.rights.refuse(actor, action, denied, {"promotion": name})
        stage = self.context.stages.get(found.stage)
        if stage is None:
            why = f"The stage `{found.stage}` of {name} is no longer in qbot.yaml."
            raise await self.rights.refuse(
                actor, action, Denied(why, "no-stage"), {"promotion": name, "stage": found.stage}
            )
        if action == APPROVE and found.account is None:
            # Whoever had no account then may have linked it since, and speak by another one now.
            requester = await self.person(found.requester, fresh=True)
            found = replace(found, account=requester.account)
        return Known(found, stage)

    async def refuse(
        self, known: Known, person: Actor, action: str, denied: Denied
    ) -> RefusedError:
        """Written down with the promotion's ids; what to raise."""
        return await self.rights.refuse(person, action, denied, known.facts)

    async def person(self, actor: Actor, *, fresh: bool, urgent: bool = False) -> Person:
        """Account and roles, as `People` has them; a neighbour that asks for a pause gets it.

        Raises:
            TransientError: they cannot be asked, or the pauses take too long.
        """
        clock = self.context.base.clock
        until = clock.monotonic() + _PATIENCE
        while True:
            try:
                return await self.rights.people.person(actor, fresh=fresh, urgent=urgent)
            except TransientError as error:
                pause = error.retry_after
                if pause is None or clock.monotonic() + pause > until:
                    raise
                log.info("roles have to wait", actor=actor.key, seconds=pause)
                await clock.sleep(pause)


def stale(known: Known, digest: str) -> Denied | None:
    """Whether a button shows another change than the one that is asked about now."""
    promotion = known.promotion
    if promotion.state is not PromotionState.OPEN or promotion.plan is None:
        return None  # its state says more
    if digest and promotion.plan.digest.startswith(digest):
        return None
    return Denied(
        f"That button belongs to an earlier version of {promotion.name}: what changes is "
        "something else now. Look at its card again before you decide.",
        "stale",
    )
