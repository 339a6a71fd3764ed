"""Past promotions of a stage, with a way back to each."""

from collections.abc import Sequence

from qbot.domain import actions
from qbot.domain.names import StageName
from qbot.domain.promotion import Promotion, PromotionKind, PromotionState
from qbot.render.blocks import Block, Message, button, confirm, context, header, message, section
from qbot.render.escape import WHEN, code, mention, moment, prose
from qbot.render.style import Style
from qbot.render.words import joined, listed

_MOST = 20
_NAMED = 4
_SIGNS = {
    PromotionState.DONE: ":white_check_mark:",
    PromotionState.FAILED: ":red_circle:",
    PromotionState.REJECTED: ":no_entry:",
}


def past(stage: StageName, promotions: Sequence[Promotion], style: Style) -> Message:
    """Newest first, as they are given; a button leads back to what there was after one."""
    if not promotions:
        return _none(stage, style)
    heading = f"Promotions to {stage}"
    current = next((p.id for p in promotions if _is_merged(p)), None)
    blocks: list[Block | None] = [header(heading)]
    texts = [prose(heading)]
    for promotion in promotions[:_MOST]:
        line = _line(promotion, now=promotion.id == current)
        back = promotion.state is PromotionState.DONE and promotion.id != current
        blocks.append(section(line, accessory=_back(promotion) if back else None))
        texts.append(line)
    if len(promotions) > _MOST:
        texts.append(f"and {len(promotions) - _MOST} older ones")
        blocks.append(context(texts[-1]))
    return message("\n".join(texts), blocks)


def _none(stage: StageName, style: Style) -> Message:
    text = f"Nothing has been promoted to *{prose(stage, 60)}* yet."
    hint = f"{code(f'{style.command} promote staging {stage}', 120)} begins one."
    return message(f"{text}\n{hint}", [section(text), context(hint)])


def _line(promotion: Promotion, *, now: bool) -> str:
    changed = promotion.plan.services if promotion.plan else ()
    services = listed([prose(s, 40) for s in changed], _NAMED)
    at = moment(promotion.ended_at or promotion.created_at, WHEN)
    done = promotion.state is PromotionState.DONE
    state = "runs now" if now and done else promotion.state.value
    sign = _SIGNS.get(promotion.state, ":large_blue_circle:" if promotion.state.open else "")
    emergency = "emergency" if promotion.emergency else ""
    first = joined([f"{sign} *{promotion.name}* {state}".strip(), _origin(promotion), emergency])
    return f"{first}\n{joined([services, f'by {mention(promotion.requester.user)} {at}'])}"


def _is_merged(promotion: Promotion) -> bool:
    """Whether it changed the stage, well or not."""
    return bool(promotion.merge_sha) or promotion.state is PromotionState.DONE


def _origin(promotion: Promotion) -> str:
    source = prose(promotion.plan.source, 60) if promotion.plan else ""
    if promotion.kind is PromotionKind.ROLLBACK:
        return f"rollback to before {source}" if source else "rollback"
    return f"from {source}" if source else ""


def _back(promotion: Promotion) -> Block:
    ask = confirm(
        f"Back to {promotion.name}?",
        f"Services of {promotion.stage} that changed since go back to what ran after "
        f"{promotion.name}, and are held there. Who has to approve that is asked first.",
        "Roll Back",
        "Keep",
    )
    about = f"Roll back to {promotion.name}"
    return button("Roll Back To", actions.ROLLBACK_TO, promotion.name, confirm=ask, about=about)
