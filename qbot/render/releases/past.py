"""Past promotions and jobs of a stage, a page at a time, with a way back to each promotion."""

from qbot.domain import actions
from qbot.domain.history import Entry, StagePast
from qbot.domain.names import StageName
from qbot.domain.promotion import Promotion, PromotionKind, PromotionState, promotion_name
from qbot.domain.release import StageProgress
from qbot.render.blocks import Block, Message, button, confirm, context, header, message, section
from qbot.render.escape import WHEN, code, mention, moment, prose
from qbot.render.history import Turn, line_of, page_of, pages
from qbot.render.releases.approving import in_the_way, rejection
from qbot.render.releases.titles import goal
from qbot.render.style import Style
from qbot.render.words import joined, listed

PAGE = 15
_NAMED = 4
_SIGNS = {
    PromotionState.DONE: ":white_check_mark:",
    PromotionState.FAILED: ":red_circle:",
    PromotionState.REJECTED: ":no_entry:",
}


def past(stage: StageName, found: StagePast, style: Style, turn: Turn) -> Message:
    """One page; a button leads back to what there was after a promotion."""
    if not found.rows and not found.barriers:
        return _none(stage, found.source, style)
    heading, page = f"History of {stage}", page_of(turn, more=found.more)
    now = in_the_way(found.barriers, style)
    blocks: list[Block | None] = [header(heading), section("\n".join(now)) if now else None]
    texts = [prose(heading), *now]
    for row in found.rows:
        line, back = _shown(row, found)
        blocks.append(section(line, accessory=back))
        texts.append(line)
    blocks += [context(page), pages(turn, more=found.more)]
    return message("\n".join([*texts, page]).strip(), blocks)


def promotion_line(promotion: Promotion, found: StagePast) -> str:
    """What it was, what of it still runs, by whom."""
    changed = promotion.plan.services if promotion.plan else ()
    services = listed([prose(s, 40) for s in changed], _NAMED)
    card = found.cards.get(promotion.id)
    gone = _undone(card) if card else ""
    state = joined([_state(promotion, card), gone or _left(promotion, found, card)])
    if promotion.state is PromotionState.DONE and found.runs.get(promotion.id) == changed:
        state = "runs now"
    sign = _sign(promotion)
    emergency = "emergency" if promotion.emergency else ""
    first = joined([f"{sign} *{promotion.name}* {state}".strip(), _origin(promotion), emergency])
    yes = [mention(a.user) for a in found.approvers.get(promotion.id, ())]
    agreed = f"approved by {listed(yes, _NAMED)}" if yes else ""
    by = f"by {mention(promotion.requester.user)} {moment(promotion.created_at, WHEN)}"
    ended = f"ended {moment(promotion.ended_at, WHEN)}" if promotion.ended_at else ""
    return f"{first}\n{joined([services, by, agreed, ended])}"


def _sign(promotion: Promotion) -> str:
    if promotion.state is PromotionState.CLOSED and promotion.merge_sha:
        return ":rotating_light:"
    return _SIGNS.get(promotion.state, ":large_blue_circle:" if promotion.state.open else "")


def _state(promotion: Promotion, card: StageProgress | None) -> str:
    """With whose doing it is. Also what was stopped, or merged past Qbot, has changed the stage."""
    match promotion.state:
        case PromotionState.CLOSED if promotion.merge_sha:
            passed = card.bypass if card else None
            by = f" by {code(passed.by, 80)}" if passed else ""
            had = f" with {passed.had} approvals" if passed and passed.had else ""
            return f"merged past Qbot{by}{had}"
        case PromotionState.REJECTED:
            no = rejection(card) if card else None
            return f"rejected by {mention(no.actor.user)}" if no else promotion.word
        case PromotionState.CANCELLED:
            merged = "merged, then " if promotion.merge_sha else ""
            return f"{merged}{promotion.word}{_ender(promotion, card)}"
        case _:
            return promotion.word


def _undone(card: StageProgress) -> str:
    """By which rollback, as far as that has come."""
    if card.undone_by is None:
        return ""
    by, back = promotion_name(card.undone_by), card.unsettled
    if back is None:
        return f"undone by {by}"
    if back.state.open:
        return f"being put back by {by}"
    return f"{by}, to put it back, {back.word}: {back.ready} of {back.of} went back"


def _ender(promotion: Promotion, card: StageProgress | None) -> str:
    if promotion.superseded_by is not None:
        return f" by {promotion_name(promotion.superseded_by)}"
    by = card.ended_by if card else None
    return f" by {mention(by.user)}" if by else ""


def _left(promotion: Promotion, found: StagePast, card: StageProgress | None) -> str:
    """`cart still runs`; what was not seen to is at least written there still."""
    left = found.runs.get(promotion.id, ())
    if not left or promotion.state.open:
        return ""
    verb = "runs" if len(left) == 1 else "run"
    seen = card is not None and card.deployed.issuperset(left)
    if promotion.state is not PromotionState.DONE and not seen:
        verb = "written"
    every = promotion.plan is not None and left == promotion.plan.services and len(left) > 1
    return f"{'all' if every else listed([prose(s, 40) for s in left], _NAMED)} still {verb}"


def _shown(row: Promotion | Entry, found: StagePast) -> tuple[str, Block | None]:
    if isinstance(row, Entry):
        return line_of(row), None
    back = row.state is PromotionState.DONE and row.id != found.current
    return promotion_line(row, found), _back(row) if back else None


def _none(stage: StageName, source: str, style: Style) -> Message:
    text = f"Nothing has been promoted to *{prose(stage, 60)}* yet."
    if not source:
        return message(text, [section(text)])
    hint = f"{code(f'{style.command} promote {source} {stage}', 120)} begins one."
    return message(f"{text}\n{hint}", [section(text), context(hint)])


def _origin(promotion: Promotion) -> str:
    source = prose(promotion.plan.source, 60) if promotion.plan else ""
    if promotion.kind is PromotionKind.ROLLBACK:
        return f"rollback{goal(promotion.to, source)}"
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
