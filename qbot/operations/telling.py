"""Private answers out of an operation: recorded like effects, so that a restart repeats none.

Nothing finds out whether a person was told, so a worker that dies between the answer and its record
tells it twice: better than not at all.
"""

from collections.abc import Awaitable, Callable

from qbot.domain.ports import Answers
from qbot.domain.release import Shown
from qbot.operations.run import Run


async def told(run: Run, answers: Answers, error: Exception, *, step: str = "told") -> None:
    """Why the operation was refused; `step` keeps one reason from another."""
    await _once(run, step, lambda: answers.tell(run.operation, error))


async def previewed(run: Run, answers: Answers, progress: Shown) -> None:
    """What a dry run would do."""
    await _once(run, "previewed", lambda: answers.preview(run.operation, progress))


async def _once(run: Run, step: str, say: Callable[[], Awaitable[None]]) -> None:
    async def do() -> bool:
        await say()
        return True

    with run.ignoring_cancel():
        await run.step(step, do)
