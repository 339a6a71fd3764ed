"""What a promotion is called: the first line of its card, a reply, a board row. Plain text."""

from dataclasses import replace

from qbot.domain.names import PromotionId
from qbot.domain.progress import End, Kind
from qbot.domain.promotion import PromotionState, promotion_name
from qbot.domain.release import StageProgress
from qbot.render.words import NOUNS, plural

_OTHERWISE = {
    End.SUCCEEDED: PromotionState.DONE,
    End.FAILED: PromotionState.FAILED,
    End.CANCELLED: PromotionState.CANCELLED,
    End.REFUSED: PromotionState.REFUSED,
}


def is_back(progress: StageProgress) -> bool:
    """Whether versions move back."""
    return progress.kind is Kind.ROLLBACK


def name(progress: StageProgress) -> str:
    """`P-12`; before it has a number, what it is."""
    if progress.promotion is not None:
        return promotion_name(progress.promotion)
    return NOUNS[progress.kind]


def amount(progress: StageProgress) -> str:
    """`4 services`; a single one by its name. At a good end those alone that it deployed.

    A Retry leaves out what others have changed since.
    """
    names = [item.service for item in progress.items]
    if progress.end is End.SUCCEEDED and progress.services:
        names = [row.service for row in progress.services]
    return str(names[0]) if len(names) == 1 else plural(len(names), "service")


def what(progress: StageProgress) -> str:
    """`staging → production, 4 services`; `roll back production to before P-12, 2 services`."""
    if is_back(progress):
        route = f"roll back {progress.stage}{goal(progress.to, progress.source)}"
    else:
        origin = f"{progress.source} → " if progress.source else "promotion to "
        route = f"{origin}{progress.stage}"
    return f"{route}, {amount(progress)}" if progress.items else route


def goal(to: PromotionId | None, before: str) -> str:
    """Where a rollback goes, as it was asked for: ` to P-11`, else ` to before P-12`."""
    if to is not None:
        return f" to {promotion_name(to)}"
    return f" to before {before}" if before else ""


def outcome(progress: StageProgress) -> str:
    """How it ended, in a word; empty while it has not."""
    if progress.dry_run:
        return "Preview"
    if progress.end is None:
        return ""
    if progress.undone:
        return "Undone" if progress.bypass is None else "Merged past Qbot, undone"
    if is_back(progress) and progress.end is End.SUCCEEDED:
        return "Rolled back"
    if progress.bypass is not None:
        return "Merged past Qbot"
    if progress.state.open:  # whoever ended it said nothing of the promotion
        progress = replace(progress, state=_OTHERWISE[progress.end])
    return progress.word.capitalize()


def title(progress: StageProgress) -> str:
    """`P-12: staging → production, 4 services`, `Rejected: P-12, staging → ...`; not escaped."""
    emergency = "Emergency " if progress.emergency else ""
    ended = outcome(progress)
    if progress.dry_run:
        return f"{ended}: {emergency}{what(progress)}"
    if ended:
        return f"{ended}: {emergency}{name(progress)}, {_thing(progress)}"
    return f"{emergency}{name(progress)}: {what(progress)}"


def _thing(progress: StageProgress) -> str:
    """After an end in words that say already that it went back."""
    told = what(progress)
    rolled = is_back(progress) and progress.end is End.SUCCEEDED
    return told.removeprefix("roll back ") if rolled else told
