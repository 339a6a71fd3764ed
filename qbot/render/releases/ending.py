"""The reply that tells a promotion's end in its thread: mentions who asked and who approved."""

from qbot.domain.progress import End
from qbot.domain.promotion import PromotionState
from qbot.domain.release import StageProgress
from qbot.render.attention import attention
from qbot.render.blocks import Message, message, section
from qbot.render.escape import mention, prose
from qbot.render.releases.approving import counted
from qbot.render.releases.outcomes import headline, held, rejected
from qbot.render.releases.titles import amount, is_back, name, what
from qbot.render.style import Style
from qbot.render.words import span

_MENTIONED = 10
_ROWS = 3
_OVER = {
    PromotionState.REJECTED: "was rejected",
    PromotionState.EXPIRED: "has expired",
    PromotionState.CLOSED: "is closed",
    PromotionState.REFUSED: "was refused",
}


def stage_ending(progress: StageProgress, style: Style) -> Message:
    """Success in one line; a failure with the first services and their reasons."""
    asked = [a.user for a in (progress.actor, progress.again_by, progress.ended_by) if a]
    approvers = progress.bypass.approvers if progress.bypass else ()
    who = dict.fromkeys([*asked, *(a.actor.user for a in counted(progress)), *approvers])
    people = " ".join(mention(user) for user in list(who)[:_MENTIONED])
    lines = [f"{people} {_sentence(progress, style)}"]
    if progress.end is End.FAILED:
        lines += attention(progress.services, style, ended=True, most=_ROWS)
    elif progress.state is PromotionState.REJECTED:
        lines.append(rejected(progress))
    elif freed := held(progress, style):
        lines.append(freed)
    text = "\n".join(lines)
    return message(text, [section(text)])


def _sentence(progress: StageProgress, style: Style) -> str:
    it = f"*{name(progress)}* ({prose(what(progress), 200)})"
    after = _after(progress)
    why = headline(progress, style)
    reason = f" {why}" if why else ""
    match progress.end:
        case End.SUCCEEDED if is_back(progress):
            stage = prose(progress.stage, 60)
            which = f"{name(progress)}, {prose(amount(progress), 40)}"
            return f"*{stage}* is back at its earlier versions{after} ({which}).{reason}"
        case End.SUCCEEDED:
            return f"{it} is done{after}.{reason}"
        case End.FAILED:
            return f"{it} failed{after}.{reason}"
        case _ if progress.state is PromotionState.REJECTED:
            return f"{it} was rejected."  # by whom and why comes below
        case _:
            return f"{it} {_over(progress)}.{reason}"


def _after(progress: StageProgress) -> str:
    """How long it took; waiting for people is no work."""
    if progress.ended_at is None:
        return ""
    took = span(progress.worked_from, progress.ended_at)
    waited = progress.worked_from > progress.started_at
    return f" {took} after the last approval" if waited else f" after {took}"


def _over(progress: StageProgress) -> str:
    if progress.bypass is not None:
        return "was merged past Qbot"
    if progress.state is not PromotionState.CANCELLED:
        return _OVER.get(progress.state, "is over")
    by = progress.ended_by if progress.overtaken_by is None else None
    return f"was {progress.word}" + (f" by {mention(by.user)}" if by else "")
