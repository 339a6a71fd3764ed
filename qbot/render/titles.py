"""The first line of a card, a reply or a board row: the outcome, then the branch. Plain text."""

from qbot.domain.progress import End, Kind, Progress, Step
from qbot.render.words import DOING, done_to, noun_of

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
    if progress.job is not None:
        return _job(progress, progress.job.job)
    if progress.dry_run:
        return "Preview"
    noun = noun_of(progress)
    match progress.end:
        case End.SUCCEEDED:
            if progress.leftovers:
                return "Leftovers deleted"
            return "Restored" if progress.brings_back else _SUCCESS[kind]
        case End.FAILED:
            return f"{noun} incomplete" if kind is Kind.TEARDOWN else f"{noun} failed"
        case End.CANCELLED:
            return f"{noun} cancelled"
        case End.REFUSED:
            return f"Not {done_to(progress).removesuffix(' to')}"
        case None:
            return _running(progress)


def _job(progress: Progress, name: str) -> str:
    """`Running e2e in`, `e2e passed`."""
    match progress.end:
        case End.SUCCEEDED:
            return f"{name} passed"
        case End.FAILED:
            return f"{name} failed"
        case None if not progress.cancelling:
            return f"Running {name} in"
        case None:
            return f"Cancelling {name}"
        case _:
            return f"{name} cancelled"


def _running(progress: Progress) -> str:
    noun = noun_of(progress)
    if progress.cancelling:
        return f"Cancelling {noun.lower()}"
    if progress.step is Step.QUEUED:
        return f"{noun} queued"
    return _doing(progress)


def _doing(progress: Progress) -> str:
    if progress.leftovers:
        return "Deleting leftovers of"
    return "Restoring" if progress.brings_back else DOING[progress.purpose]


def title(progress: Progress) -> str:
    """`Creating feat/checkout (resumed)`, `Ready: feat/checkout`; not escaped."""
    what = outcome(progress)
    under_way = progress.job and progress.end is None and not progress.cancelling
    colon = "" if what == _doing(progress) or under_way else ":"
    again = " (resumed)" if progress.resumed and progress.end is None else ""
    return f"{what}{colon} {progress.branch}{again}"
