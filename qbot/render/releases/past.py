"""Past promotions and jobs of a stage, a page at a time, with a way back to each promotion."""

from collections.abc import Sequence

from qbot.domain import actions
from qbot.domain.history import Entry
from qbot.domain.names import PromotionId, StageName
from qbot.domain.promotion import Promotion, PromotionKind, PromotionState
from qbot.render.blocks import Block, Message, button, confirm, context, header, message, section
from qbot.render.escape import WHEN, code, mention, moment, prose
from qbot.render.history import Turn, line_of, page_of, pages
from qbot.render.style import Style
from qbot.render.words import joined, listed

PAGE = 15
_NAMED = 4
_SIGNS = {
    PromotionState.DONE: ":white_check_mark:",
    PromotionState.FAILED: ":red_circle:",
    PromotionState.REJECTED: ":no_entry:",
}


def past(
    stage: StageName,
    rows: Sequence[Promotion | Entry],
    style: Style,
    turn: Turn,
    *,
    current: PromotionId | None,
    more: bool,
) -> Message:
    """One page; a button leads back to what there was after a promotion.

    Args:
        stage: whose.
        rows: promotions and jobs of this page, newest first.
        style: the installation.
        turn: which page it is.
        current: what changed the stage last, on whatever page.
        more: whether there are older ones.
    """
    if not rows:
        return _none(stage, style)
    heading, page = f"History of {stage}", page_of(turn, more=more)
    blocks: list[Block | None] = [header(heading)]
    texts = [prose(heading)]
    for row in rows:
        line, back = _shown(row, current)
        blocks.append(section(line, accessory=back))
        texts.append(line)
    blocks += [context(page), pages(turn, more=more)]
    return message("\n".join([*texts, page]).strip(), blocks)


def _shown(row: Promotion | Entry, current: PromotionId | None) -> tuple[str, Block | None]:
    if isinstance(row, Entry):
        return line_of(row), None
    back = row.state is PromotionState.DONE and row.id != current
    return _line(row, now=row.id == current), _back(row) if back else None


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
