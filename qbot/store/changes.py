"""Domain changes -> rows, in the transaction of the step that they belong to."""

from datetime import datetime

from qbot.domain.changes import (
    Audited,
    CardChanged,
    CardsContinued,
    CardsSuperseded,
    CardWithdrawn,
    Change,
    PhaseChanged,
    PlansChanged,
    PlansDropped,
)
from qbot.domain.operation import Claim
from qbot.store import desired, environments
from qbot.store.audit import note
from qbot.store.statements import Script


def apply(change: Change, claim: Claim, at: datetime) -> Script[None]:
    """Write one change.

    Raises:
        ValueError: an environment cannot make this move: a bug in the caller.
    """
    op = claim.operation
    match change:
        case PhaseChanged(env, phase):
            yield from environments.advance(env, phase)
        case PlansChanged(env, plans):
            yield from environments.put_plans(env, plans)
        case PlansDropped(env, services):
            yield from environments.drop_plans(env, services)
        case Audited(action, outcome, detail):
            yield from note(op.actor, action, outcome, at, op=op.id, env=op.env, detail=detail)
        case CardChanged(progress):
            yield from desired.show(progress, at)
        case CardWithdrawn():
            yield from desired.withdraw(op.id)
        case CardsContinued(env, by):
            yield from desired.go_on(op.id, env, by, at)
        case CardsSuperseded(env, sentence, when):
            yield from desired.supersede(op.id, env, sentence, when)
