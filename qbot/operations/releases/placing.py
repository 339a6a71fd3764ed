"""Where the card of a promotion goes: to where those are who may agree to it."""

from dataclasses import replace

from qbot.domain.people import Place
from qbot.domain.promotion import PromotionKind, Request
from qbot.domain.stages import Stage
from qbot.errors import UserError


def housed(request: Request, stage: Stage, place: Place) -> Request:
    """The request with the channel that its card may go to.

    Raises:
        UserError: others have to agree, and nobody but the requester would see the card.
    """
    if stage.channel or not place.direct or request.again is not None or _alone(request, stage):
        return replace(request, home=stage.channel)
    raise UserError(
        "Others have to approve this, and nobody else would see its card here: "
        "Qbot shows it only to you.",
        hint="Ask in a channel that Qbot is a member of. `channel` of a stage in qbot.yaml names "
        "the one to which such cards go.",
    )


def _alone(request: Request, stage: Stage) -> bool:
    """Whether its requester may be all that it takes."""
    back = request.kind is PromotionKind.ROLLBACK
    rule = stage.rollback if back else stage.approvals
    if request.emergency:
        return True
    return not rule.teams and (rule.count == 0 or (rule.count == 1 and rule.by_requester))
