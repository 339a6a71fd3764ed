"""What somebody asked for, in words: for answers that come by themselves, and for what failed."""

from collections.abc import Sequence
from dataclasses import dataclass
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
    is_dry,
)
from qbot.domain.operation import Operation
from qbot.domain.progress import Kind
from qbot.domain.promotion import promotion_id, promotion_name
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


@dataclass(frozen=True, slots=True)
class Wanted:
    """`what` is not escaped yet; `vote`: it is somebody's yes to a promotion.

    `line`: it was typed, and is answered; what is pressed or sent is mostly seen on a card.
    """

    what: str = "that"
    vote: bool = False
    line: bool = False

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

    @property
    def follows(self) -> str:
        """The end of a sentence that began with what is still being done."""
        if self.vote:
            return "its card shows it once it counts, or you are told here why it does not"
        return "the answer follows here" if self.line else "its card shows it, or you are told here"


THAT = Wanted()


def typed(command: str, text: str) -> Wanted:
    """A command, as it was typed."""
    line = clean(f"{command} {text}".replace("`", "'"), _LONGEST)
    return Wanted(f"`{line}`", line=True) if line else THAT


def pressed(action_id: str, label: str, value: str) -> Wanted:
    """A button, by the words on it; where its value names a promotion, so does this."""
    number = promotion_id(value.partition(":")[0]) if value.startswith("P-") else None
    name = promotion_name(number) if number is not None else ""
    if action_id == actions.APPROVE:
        return Wanted(f"your approval of {name}" if name else "your approval", vote=True)
    shown = clean(label.replace("*", ""), _LONGEST)
    what = f"*{shown}*" if shown else "that"
    return Wanted(f"{what} of {name}" if name else what)


def sent(title: str) -> Wanted:
    """A form, by its title."""
    shown = clean(title.replace("*", ""), _LONGEST)
    return Wanted(f"the form *{shown}*") if shown else THAT


def operated(op: Operation, command: str, branch: str = "") -> Wanted:
    """What became an operation, as one would type it; of a dry run its preview.

    `branch` is its environment's, of a promotion the one that it comes from.
    """
    words = [_VERBS[op.kind], *filter(None, _words(op.input, branch))]
    line = typed(command, " ".join(words)).what
    return Wanted(f"the preview of {line}" if is_dry(op.input) else line, line=True)


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
