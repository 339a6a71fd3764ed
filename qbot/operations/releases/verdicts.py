"""Approve and Reject: judged with the roles of this moment, written down, and nothing else.

The row that is written wakes the operation, which judges it again before it acts.
"""

from collections.abc import Sequence
from functools import partial

from qbot.domain import actions
from qbot.domain.approvals import Person, has_approved, may_approve, may_reject
from qbot.domain.names import PromotionId
from qbot.domain.people import Actor
from qbot.domain.policy import Allowed, Decision, Denied
from qbot.domain.promotion import Approval, Verdict
from qbot.domain.subjects import of_action
from qbot.operations.releases.admission import barred
from qbot.operations.releases.known import APPROVE, Known, Register, stale
from qbot.operations.releases.passing import barred_by
from qbot.operations.releases.voters import exemption_works
from qbot.operations.requests import Asked

REJECT = "promotion.reject"
_AGAIN = frozenset({"twice", "approved", "merged"})  # rules by which a second yes is one too many


class Verdicts:
    """What people say of promotions."""

    def __init__(self, register: Register) -> None:
        self._register = register
        self._context = register.context

    async def approve(self, number: PromotionId, digest: str, asked: Asked) -> bool:
        """A yes to exactly the change that the button showed; the card shows the effect.

        Answers whether the person pressed again what has their yes already; the same press that
        is delivered again is none.

        Args:
            number: of the promotion.
            digest: the first digits of the digest that the pressed card showed.
            asked: who and where.

        Raises:
            RefusedError: it would not count; says why.
            BarredError: something is in the way.
        """
        known = await self._register.known(number, asked.actor, APPROVE)
        person = await self._register.person(asked.actor, fresh=True)
        said = await self._context.promotions.approvals(number)
        decision = await self._may_approve(known, person, said, digest)
        mine = has_approved(known.promotion, asked.actor, said)
        if mine and isinstance(decision, Denied) and decision.rule in _AGAIN:
            return await self._again(known, asked)
        await self._write(known, person, Verdict.APPROVED, "", decision)
        await self._context.base.store.saw(asked.key)
        return False

    async def reject(self, number: PromotionId, digest: str, reason: str, asked: Asked) -> None:
        """A no, with its reason; it ends the promotion.

        Raises:
            RefusedError: it would not count; says why.
        """
        known = await self._register.known(number, asked.actor, REJECT)
        person = await self._register.person(asked.actor, fresh=True)
        decision = self._may_reject(known, person, digest)
        await self._write(known, person, Verdict.REJECTED, reason, decision)

    async def before_reject(self, number: PromotionId, digest: str, actor: Actor) -> Known:
        """Whether it makes sense to ask for a reason, by what is known of the person already.

        Raises:
            RefusedError: the no would not count.
        """
        known = await self._register.known(number, actor, REJECT)
        person = await self._register.person(actor, fresh=False)
        decision = self._may_reject(known, person, digest)
        if isinstance(decision, Denied):
            raise await self._register.refuse(known, actor, REJECT, decision)
        return known

    async def _again(self, known: Known, asked: Asked) -> bool:
        fresh = await self._context.base.store.saw(asked.key)
        if fresh:
            await self._register.rights.repeated(asked.actor, APPROVE, known.facts)
        return fresh

    async def _may_approve(
        self, known: Known, person: Person, said: Sequence[Approval], digest: str
    ) -> Decision:
        promotion = known.promotion
        now = self._context.base.clock.now()
        decision = may_approve(promotion, known.rule, person, said, now=now)
        if isinstance(decision, Denied) and decision.rule != "twice":
            return decision
        if wrong := stale(known, digest):
            return wrong
        if isinstance(decision, Denied):
            return decision
        await self._ensure_free(known, person)
        return self._by_authority(known, person, APPROVE, decision)

    def _may_reject(self, known: Known, person: Person, digest: str) -> Decision:
        decision = may_reject(known.promotion, known.rule, person)
        if isinstance(decision, Denied):
            return decision
        if wrong := stale(known, digest):
            return wrong
        return self._by_authority(known, person, REJECT, decision)

    def _by_authority(
        self, known: Known, person: Person, action: str, decision: Allowed
    ) -> Decision:
        """The authority has the last word; the promotion's own rule is told in the log."""
        button = actions.APPROVE if action == APPROVE else actions.REJECT
        allowed = self._register.rights.of(of_action(button), person, known.grounds)
        return allowed if isinstance(allowed, Denied) else decision

    async def _ensure_free(self, known: Known, person: Person) -> None:
        """No freeze, lock or hold is in the way, or the requester passes it.

        Raises:
            BarredError: one is; written down.
        """
        # Asked anew before anything is done; here one look at the groups is spent already.
        ask = partial(self._register.person, fresh=False)
        left, _ = await barred(self._context, known.stage, known.promotion, ask=ask)
        if left:
            denied = Denied(left[0].reason, left[0].rule)
            await self._register.refuse(known, person.actor, APPROVE, denied)
            over = "Approve it when that is over."
            works = await exemption_works(self._context, known.rule, known.stage.exempt)
            raise barred_by(
                left, known.stage, back=known.back, exempt=works, after=over, noted=True
            )

    async def _write(
        self, known: Known, person: Person, verdict: Verdict, reason: str, decision: Decision
    ) -> None:
        action = APPROVE if verdict is Verdict.APPROVED else REJECT
        if isinstance(decision, Denied):
            raise await self._register.refuse(known, person.actor, action, decision)
        promotion = known.promotion
        if person.account is None:  # only of a requester nothing more is demanded
            mine = Denied("You asked for this yourself: Withdraw takes it back.", "requester")
            raise await self._register.refuse(known, person.actor, action, mine)
        word = Approval(
            promotion=promotion.id,
            actor=person.actor,
            account=person.account,
            digest=promotion.plan.digest if promotion.plan else "",
            verdict=verdict,
            at=self._context.base.clock.now(),
            reason=reason,
        )
        if await self._context.promotions.decide(word, rule=decision.rule) is None:
            over = Denied(f"{promotion.name} has just been decided.", "decided")
            raise await self._register.refuse(known, person.actor, action, over)
