"""The first line of a card, a reply or a board row: the outcome, then the branch. Plain text."""

from qbot.domain.progress import End, Kind, Progress, Step
from qbot.render.words import DOING, DONE, NOUNS

_SUCCESS = {
    Kind.CREATE: "Ready",
    Kind.SYNC: "Synced",
    Kind.TEARDOWN: "Deleted",
    Kind.DEPLOY: "Deployed",
    Kind.RESTORE: "Rolled back",
    Kind.JOB: "Job done",
    Kind.PROMOTE: "Promoted",
    Kind.ROLLBACK: "Rolled back",
}


def outcome(progress: Progress) -> str:
    """What became of the operation, or what it is about to do."""
    kind = progress.purpose
    if progress.dry_run:
        return "Preview"
    match progress.end:
        case End.SUCCEEDED:
            return _SUCCESS[kind]
        case End.FAILED:
            return "Delete incomplete" if kind is Kind.TEARDOWN else f"{NOUNS[kind]} failed"
        case End.CANCELLED:
            return f"{NOUNS[kind]} cancelled"
        case End.REFUSED:
            return f"Not {DONE[kind]}"
        case None:
            return _running(progress)


def _running(progress: Progress) -> str:
    kind = progress.purpose
    if progress.cancelling:
        return f"Cancelling {NOUNS[kind].lower()}"
    if progress.step is Step.QUEUED:
        return f"{NOUNS[kind]} queued"
    return DOING[kind]


def title(progress: Progress) -> str:
    """`Creating feat/checkout (resumed)`, `Ready: feat/checkout`; not escaped."""
    what = outcome(progress)
    colon = "" if what == DOING[progress.purpose] else ":"
    again = " (resumed)" if progress.resumed and progress.end is None else ""
    return f"{what}{colon} {progress.branch}{again}"
