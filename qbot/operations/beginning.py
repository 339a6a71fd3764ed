"""The first step of an operation on an environment that others have worked on before."""

from qbot.domain.changes import CardsContinued, Change
from qbot.domain.inputs import resumes
from qbot.domain.progress import Continued
from qbot.operations.context import Context
from qbot.operations.run import Run
from qbot.operations.track import Tracker


async def begun(run: Run, context: Context, tracker: Tracker, *changes: Change) -> None:
    """Record that it begins: from now on the buttons of what failed before count no more."""
    operation = run.operation
    by = Continued(
        operation.kind, operation.actor, context.clock.now(), resumed=resumes(operation.input)
    )
    await run.step("begin", _nothing, changes=[*changes, CardsContinued(tracker.env.id, by)])


async def _nothing() -> None:
    """A step that only records."""
