"""The buttons of a card, by what can be done in its state."""

from qbot.domain import actions
from qbot.domain.lifetime import Term
from qbot.domain.progress import End, Kind, Progress, Stage, Step
from qbot.render.attention import failed
from qbot.render.blocks import Block, button, confirm
from qbot.render.blocks import actions as row
from qbot.render.escape import allowed
from qbot.render.lifetimes import term_menu
from qbot.render.style import Style
from qbot.render.words import noun_of


def card_buttons(
    progress: Progress, style: Style, term: Term | None = None, *, missing: bool = False
) -> Block | None:
    """At most one of them is the primary one; None where nothing can be done."""
    if progress.continued:
        return None
    if progress.kind is Kind.JOB:
        buttons = _of_job(progress, style)
    elif progress.end is None:
        buttons = _running(progress, style)
    elif progress.end is End.REFUSED:
        return None
    elif progress.kind is Kind.TEARDOWN:
        buttons = _torn_down(progress, style)
    else:
        buttons = _ended(progress, style, term or Term(progress.expires_at))
        buttons = [restore_button(progress.env), *buttons] if missing else buttons
    # Each state has a block id of its own, which tells a press on an outdated copy apart.
    state = progress.end or ("cancelling" if progress.cancelling else progress.step)
    return row(buttons, block_id=f"card:{progress.op}:{state}")


def _running(progress: Progress, style: Style) -> list[Block | None]:
    cancel = None
    if progress.kind is not Kind.TEARDOWN and not progress.cancelling:
        cancel = _cancel(progress)
    early = progress.step in {Step.QUEUED, Step.RESOLVING}
    return [_details(progress), None if early else _argocd(progress, style), cancel]


def _of_job(progress: Progress, style: Style) -> list[Block | None]:
    """Its output, and a way to stop following it."""
    url = progress.job.url if progress.job else ""
    output = None
    if allowed(url, style.hosts):
        output = button("Output", actions.PIPELINE, progress.op, url=url)
    stop = None if progress.end or progress.cancelling else _cancel(progress)
    return [output, stop]


def _torn_down(progress: Progress, style: Style) -> list[Block | None]:
    if progress.leftovers:  # its branch may have an environment again: that one is not meant
        show = button("Show Orphans", actions.ORPHANS)
        return [] if progress.end is End.SUCCEEDED else [_details(progress), show]
    if progress.end is End.SUCCEEDED:
        return [restore_button(progress.env)]
    again = delete_button(progress.env, str(progress.branch), label="Delete Again")
    return [_details(progress), _argocd(progress, style), again]


def _ended(progress: Progress, style: Style, term: Term) -> list[Block | None]:
    if progress.kind is Kind.CREATE and not progress.services:
        return []  # nothing was made: there is nothing to retry, look at or delete
    over = progress.end is End.SUCCEEDED
    works = progress.end is End.FAILED and all(s.serves for s in progress.services)
    return [
        _open(progress, style) if over else again_button(progress),
        _open(progress, style, primary=False) if works else None,
        _details(progress),
        _argocd(progress, style),
        delete_button(progress.env, str(progress.branch)),
        term_menu(progress.env, term),
    ]


def again_button(progress: Progress) -> Block | None:
    """Goes on with an operation that has failed or was cancelled; None: all it began is ready."""
    if progress.end is End.CANCELLED:
        if progress.purpose is Kind.CREATE:
            return button("Resume", actions.RESUME, progress.op, style="primary")
        if all(s.stage is Stage.READY for s in progress.services):
            return None
    label = "Retry Failed" if failed(progress.services) else "Retry"
    return button(label, actions.RETRY, progress.op, style="primary")


def _details(progress: Progress) -> Block:
    return button("Details", actions.DETAILS, progress.op)


def _open(progress: Progress, style: Style, *, primary: bool = True) -> Block | None:
    if not allowed(progress.url, style.hosts):
        return None
    look = "primary" if primary else ""
    return button("Open", actions.OPEN, progress.op, style=look, url=progress.url)


def _argocd(progress: Progress, style: Style) -> Block | None:
    url = style.argocd(progress.name)
    return button("Argo CD", actions.ARGOCD, progress.op, url=url) if url else None


def _cancel(progress: Progress) -> Block:
    noun = noun_of(progress).lower()
    text = f"The {noun} of {progress.branch} stops here. Argo CD goes on with what it has begun."
    if progress.purpose is Kind.CREATE:
        text += " What exists is kept: it can be resumed or deleted."
    if progress.kind is Kind.JOB:
        text = "Qbot follows it no longer. What runs outside goes on by itself."
    elif progress.step is Step.QUEUED:
        text = f"The {noun} of {progress.branch} has not begun: nothing is changed."
    elif progress.step is Step.RESOLVING:
        text = f"The {noun} of {progress.branch} stops here. Nothing has been changed yet."
    ask = confirm(f"Cancel the {noun}?", text, f"Cancel {noun.capitalize()}", "Keep Going")
    return button("Cancel", actions.CANCEL, progress.op, style="danger", confirm=ask)


def restore_button(env: str) -> Block:
    """Brings a deleted environment back; the value is its id.

    What is asked then is asked anew: it may be too late, or its branch may have another one.
    """
    return button("Restore", actions.RESTORE, env)


def delete_button(env: str, branch: str, *, label: str = "Delete") -> Block:
    """Asks before it acts; the value is the environment's id.

    On a card it stays while the environment is locked: the card is one message for everybody, the
    lock's holder among them, and tells of its operation, not of what came later. Whoever may not
    press it is told by whom it is locked, until when and why, and asks to be told when it is free.
    """
    ask = confirm(
        "Delete it?",
        f"The environment of {branch} goes with all its services and data. It can be restored for "
        "some days, without its data. The git branch stays.",
        "Delete",
        "Keep",
    )
    return button(label, actions.DELETE, env, style="danger", confirm=ask)
