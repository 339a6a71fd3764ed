"""What somebody asked for, in words: for answers that come by themselves, and for what failed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import assert_never

from qbot.domain import actions
from qbot.domain.inputs import (
    CreateInput,
    DeployInput,
    Input,
    JobInput,
    PromoteInput,
    RestoreInput,
    RollbackInput,
    SyncInput,
    TeardownInput,
    brings_back,
    is_dry,
)
from qbot.domain.operation import Operation
from qbot.domain.progress import Kind
from qbot.domain.promotion import promotion_id, promotion_name
from qbot.domain.release import Shown, StageProgress
from qbot.domain.text import as_written
from qbot.render.blocks import Message, context, message
from qbot.render.escape import WHEN, clean, moment, prose

_LONGEST = 150  # characters of what was typed
_VERBS = {
    Kind.CREATE: "create",
    Kind.SYNC: "sync",
    Kind.TEARDOWN: "delete",
    Kind.DEPLOY: "deploy",
    Kind.RESTORE: "rollback",
    Kind.JOB: "run",
    Kind.PROMOTE: "promote",
    Kind.ROLLBACK: "rollback",
}
_HERE = "the answer follows here"
_CARD = "its card follows, or you are told here"
_SHOWN = "its card shows it, or you are told here"
_VOTED = "its card shows it once it counts, or you are told here why it does not"
_UNANSWERED = frozenset(  # links are open already; and what closes a question
    {actions.ARGOCD, actions.KEEP, actions.MERGE_REQUEST, actions.OPEN, actions.PIPELINE}
)
_SHOWN_BY_CARDS = frozenset(
    {
        actions.CANCEL,
        actions.DELETE,
        actions.DELETE_CONFIRM,
        actions.PROMO_ABANDON,
        actions.PROMO_RETRY,
        actions.PROMO_ROLLBACK,
        actions.PROMO_WITHDRAW,
        actions.RESTORE,
        actions.RESUME,
        actions.RETRY,
        actions.ROLLBACK_TO,
        actions.SYNC,
    }
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """`what` is not escaped yet; `vote`: it is somebody's yes to a promotion.

    `follows` ends a sentence that began with what is still being done; empty: nothing does.
    """

    what: str = "that"
    vote: bool = False
    follows: str = field(default=_HERE, compare=False)

    @property
    def failed(self) -> str:
        """The beginning of a sentence that goes on with why."""
        lead = self.what[:1].upper() + self.what[1:]
        return f"{lead} was not counted" if self.vote else f"{lead} could not be done just now"

    @property
    def impossible(self) -> str:
        """The end of a sentence that began with why."""
        return f"{self.what} was not counted" if self.vote else f"{self.what} cannot be done now"

    @property
    def again(self) -> str:
        """The next step."""
        return "Press again in a minute." if self.vote else "Try again in a minute."


THAT = Wanted()


def typed(command: str, text: str, *, card: bool = False) -> Wanted:
    """A command, as it was typed; `card`: it becomes an operation that has one."""
    line = _line(f"{command} {as_written(text)}")
    return Wanted(line, follows=_CARD if card else _HERE) if line else THAT


def pressed(action_id: str, label: str, value: str) -> Wanted:
    """A button, by the words on it; where its value names a promotion, so does this."""
    number = promotion_id(value.partition(":")[0]) if value.startswith("P-") else None
    name = promotion_name(number) if number is not None else ""
    if action_id == actions.APPROVE:
        what = f"your approval of {name}" if name else "your approval"
        return Wanted(what, vote=True, follows=_VOTED)
    shown = clean(label.replace("*", ""), _LONGEST)
    what = _of(f"*{shown}*" if shown else "that", name)
    if action_id in _UNANSWERED:
        return Wanted(what, follows="")
    return Wanted(what, follows=_SHOWN if action_id in _SHOWN_BY_CARDS else _HERE)


def sent(title: str) -> Wanted:
    """A form, by its title."""
    shown = clean(title.replace("*", ""), _LONGEST)
    return Wanted(f"the form *{shown}*" if shown else "that", follows=_SHOWN)


def operated(op: Operation, command: str, branch: str = "") -> Wanted:
    """What became an operation, by its button or as one would type it; of a dry run its preview.

    `branch` is its environment's, of a promotion the one that it comes from.
    """
    verb = "restore" if brings_back(op.input) else _VERBS[op.kind]
    line = _line(" ".join([command, verb, *filter(None, _words(op.input, branch))]))
    if is_dry(op.input):
        return Wanted(f"the preview of {line}")
    return Wanted(_by_button(op, branch) or line, follows=_CARD)


def _by_button(op: Operation, branch: str) -> str:
    """What nobody types; else empty."""
    match op.input:
        case (PromoteInput() | RollbackInput()) as asked if asked.again is not None:
            over = "*Abandon*" if _is_merged(op.progress) else "*Withdraw*"
            return _of(over if asked.abandon else "*Retry*", promotion_name(asked.again))
        case SyncInput(resume=True):
            return _of("*Resume*", _line(branch))
        case SyncInput(retry=True):
            return _of("*Retry*", _line(branch))
        case TeardownInput(leftovers=True):
            return _of("*Delete Orphans*", _line(branch))
        case _:
            return ""


def _is_merged(shown: Shown | None) -> bool:
    return isinstance(shown, StageProgress) and bool(shown.merged_sha)


def _of(what: str, thing: str) -> str:
    return f"{what} of {thing}" if thing else what


def _line(text: str) -> str:
    shown = clean(text.replace("`", "'"), _LONGEST)
    return f"`{shown}`" if shown else ""


def _words(asked: Input, branch: str) -> Sequence[str]:
    match asked:
        case CreateInput():
            several = [f"--set {name}={ref}" for name, ref in asked.overrides]
            return [asked.branch, _listed("services", asked.services), *several]
        case SyncInput():
            flags = {"prune": asked.prune, "hard": asked.hard, "refresh": asked.refresh}
            return [branch, *asked.services, *(f"--{name}" for name, on in flags.items() if on)]
        case DeployInput():
            return [branch, *(f"{name}={ref}" for name, ref in asked.overrides)]
        case RestoreInput():
            return [branch, *asked.services]
        case TeardownInput():
            return [branch]
        case JobInput():
            return [asked.place or branch, asked.job]
        case PromoteInput():
            running = _listed("running", asked.running)
            return [asked.source or branch, asked.stage, *asked.services, running]
        case RollbackInput():
            to = f"--to {promotion_name(asked.to)}" if asked.to is not None else ""
            loud = "--break-glass" if asked.emergency else ""
            return [asked.stage, *asked.services, to, loud]
    assert_never(asked)


def _listed(option: str, names: Sequence[str]) -> str:
    return f"--{option} {','.join(names)}" if names else ""


def belated(wanted: Wanted, answer: Message, at: datetime) -> Message:
    """An answer that Slack did not take `at` first."""
    about = "what you asked for" if wanted == THAT else prose(wanted.what)
    return _late(f"About {about}: Slack did not take this answer at {moment(at)}.", answer)


def old_news(news: Message, at: datetime) -> Message:
    """What a channel was to hear `at` that time, and Slack did not take."""
    return _late(f"From {moment(at, WHEN)}: Slack did not take it then.", news)


def _late(lead: str, told: Message) -> Message:
    return message(f"{lead}\n{told.text}", [context(lead), *told.blocks])
