"""How far an operation is: a bar, numbers in words, and the wave it is in."""

from qbot.domain.progress import UNDER_WAY, Kind, Progress, Stage, Step
from qbot.domain.release import Shown
from qbot.render.words import NOT_READY, STAGES, STEPS, joined, plural

_CELLS = 12
_AGAIN = {Kind.SYNC: "sync", Kind.DEPLOY: "deploy", Kind.RESTORE: "roll back"}
_ORDER = (
    Stage.FAILED,
    Stage.BUILD_FAILED,
    Stage.FALTERING,
    Stage.RETRYING,
    Stage.SYNCING,
    Stage.BUILDING,
    Stage.PLANNED,
    Stage.DELETING,
    Stage.LEFT,
)


def reached(progress: Shown) -> int:
    """How many services are where the operation wants them."""
    goal = Stage.GONE if progress.kind is Kind.TEARDOWN else Stage.READY
    return progress.counts()[goal]


def tally(progress: Shown) -> str:
    """`7 of 11 ready · 1 failed · 3 syncing`; empty while the services are not known."""
    total = len(progress.services)
    if not total:
        return ""
    if verb := _to_begin(progress):
        return f"{plural(total, 'service')} to {verb}"
    counts = progress.counts()
    word = "gone" if progress.kind is Kind.TEARDOWN else "ready"
    late = sum(counts[s] for s in UNDER_WAY) if progress.end else 0
    rest = [s for s in _ORDER if counts[s] and not (late and s in UNDER_WAY)]
    if progress.kind is Kind.TEARDOWN and counts[Stage.READY]:
        rest.append(Stage.READY)
    stay = sum(bool(s.stays) for s in progress.services)
    return joined(
        [
            f"{reached(progress)} of {total} {word}",
            *(f"{counts[s]} {STAGES[s][0]}" for s in rest),
            f"{late} {NOT_READY}" if late else "",
            f"{stay} ready at the version before" if stay else "",
        ]
    )


def _to_begin(progress: Shown) -> str:
    """What is about to be done to services that run already; none of them counts as missing."""
    if progress.end is not None or not isinstance(progress, Progress):
        return ""
    begun = any(s.stage is not Stage.PLANNED for s in progress.services)
    return "" if begun else _AGAIN.get(progress.purpose, "")


def bar(progress: Shown) -> str:
    """Full cells for what is reached; full only when everything is."""
    total = len(progress.services)
    if not total or _to_begin(progress):
        return ""
    full = reached(progress) * _CELLS // total
    return f"`{'█' * full}{'░' * (_CELLS - full)}`"


def wave(progress: Shown) -> str:
    """`wave 2 of 4`, where the catalog has more than one and not all are through."""
    waves = sorted({s.wave for s in progress.services})
    open_ = [s.wave for s in progress.services if s.stage is not Stage.READY]
    if len(waves) <= 1 or not open_ or progress.kind is Kind.TEARDOWN:
        return ""
    return f"wave {waves.index(min(open_)) + 1} of {len(waves)}"


def activity(progress: Shown) -> str:
    """What the operation is busy with."""
    if progress.cancelling and progress.end is None:
        return "Bringing what runs to a stop"
    doing = STEPS[progress.step]
    if (
        progress.step is Step.PREPARING
        and isinstance(progress, Progress)
        and (progress.purpose in _AGAIN)
    ):
        doing = "Checking project and namespace"
    is_sync = isinstance(progress, Progress) and progress.purpose is Kind.SYNC
    if is_sync and progress.step is Step.DEPLOYING:
        doing = "Syncing services"
    return joined([doing, wave(progress)])
