"""What a merge request in GitLab is told of its branch's environment, in GitLab's Markdown."""

from qbot.domain.branches import NoteDue
from qbot.render.escape import clean
from qbot.render.words import PHASES

MARK = "<!-- qbot: environment -->"


def merge_note(due: NoteDue) -> str:
    """The comment; the same state gives the same text."""
    branch = clean(due.branch, 250).replace("`", "'")
    if due.phase is None:
        return f"The environment of `{branch}` has been deleted.\n\n{MARK}"
    where = f"\n\n<{due.url}>" if due.url else ""
    return f"The environment of `{branch}` is {PHASES[due.phase][0]}.{where}\n\n{MARK}"
