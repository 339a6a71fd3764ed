"""The one place where a card's two kinds of progress part: what is rendered by which renderer."""

from qbot.domain.progress import Progress
from qbot.domain.release import Shown
from qbot.errors import PermanentError


def of_environment(shown: Shown) -> Progress:
    """What the renderers of environments' cards take.

    Raises:
        PermanentError: it is an operation on a stage.
    """
    if isinstance(shown, Progress):
        return shown
    raise PermanentError(f"The card of {shown.op} is one of a stage.")
