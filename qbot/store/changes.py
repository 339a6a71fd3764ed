"""Domain changes -> rows, in the transaction of the step that they belong to."""

from datetime import datetime

from qbot.domain.changes import (
    Audited,
    BranchSeen,
    CardChanged,
    CardsContinued,
    CardsSuperseded,
    CardWithdrawn,
    Change,
    PhaseChanged,
    PlansChanged,
    PlansDropped,
    PushWaits,
    SetReady,
    StillGoes,
)
from qbot.domain.inputs import CreateInput
from qbot.domain.operation import Claim, Operation
from qbot.domain.people import Actor
from qbot.domain.release_changes import (
    ApprovalsVoided,
    HoldsPlaced,
    MergeAsked,
    PlaceTaken,
    PromotionMoved,
    PromotionOpened,
    PromotionPlanned,
)
from qbot.store import (
    branches,
    desired,
    environments,
    following,
    promotion_changes,
    sets,
    stands,
    undoing,
    warnings,
)
from qbot.store.audit import note, scope_id
from qbot.store.statements import Script

_NOBODY = Actor("", "")
CardChange = CardChanged | CardWithdrawn | CardsContinued | CardsSuperseded


def apply(change: Change, claim: Claim, at: datetime) -> Script[None]:
    """Write one change.

    Raises:
        UserError: another promotion has one of the services that this one plans to change, or
            somebody wants what the reaper is about to delete.
        ValueError: an environment cannot make this move: a bug in the caller.
    """
    op = claim.operation
    match change:
        case PhaseChanged(env, phase):
            yield from environments.advance(env, phase)
            yield from warnings.moved(env, phase, op.actor)
        case StillGoes():
            yield from stands.still(change, op.id, at)
        case PlansChanged() | PlansDropped() | SetReady():
            yield from _versions(change, at)
        case BranchSeen(branch, seen):
            yield from branches.seen(branch, seen, at)
        case PushWaits(branch):
            yield from following.waits(branch, op.id)
        case Audited(action, outcome, detail, found):
            who = _NOBODY if found else op.actor
            yield from note(who, action, outcome, at, op=op.id, env=scope_id(op), detail=detail)
        case CardChanged() | CardWithdrawn() | CardsContinued() | CardsSuperseded():
            yield from _card(change, op, at)
        case (
            PromotionPlanned()
            | PromotionOpened()
            | MergeAsked()
            | PlaceTaken()
            | PromotionMoved()
            | ApprovalsVoided()
            | HoldsPlaced()
        ):
            yield from promotion_changes.write(change, claim, at)


def _versions(change: PlansChanged | PlansDropped | SetReady, at: datetime) -> Script[None]:
    match change:
        case PlansChanged(env, plans):
            yield from environments.put_plans(env, plans)
        case PlansDropped(env, services):
            yield from environments.drop_plans(env, services)
        case SetReady(env, back_to):
            yield from sets.remember(env, at, back_to)


def _card(change: CardChange, by: Operation, at: datetime) -> Script[None]:
    op = by.id
    match change:
        case CardChanged(progress):
            yield from desired.show((yield from undoing.kept(progress)), at)
        case CardWithdrawn():
            yield from desired.withdraw(op)
        case CardsContinued(env, newer):
            yield from desired.go_on(op, env, newer, at)
        case CardsSuperseded(env, sentence, when):
            yield from desired.supersede(op, env, sentence, when)
            if isinstance(by.input, CreateInput):
                yield from warnings.restored(env, by.actor)
