"""Environments that nobody asks for: which branches get one by themselves. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from qbot.domain.branches import Look, MergeFact, MergeState
from qbot.domain.hearsay import Heard, Pushed
from qbot.domain.names import BranchName
from qbot.domain.people import Actor
from qbot.domain.progress import Hook


class Occasion(StrEnum):
    """When."""

    PUSH = "push"
    MERGE_REQUEST = "merge-request"  # is opened


@dataclass(frozen=True, slots=True)
class AutoCreation:
    """One rule of qbot.yaml."""

    branches: str  # `*` stands for any characters, `?` for one
    on: Occasion
    channel: str  # where the card goes
    owner: str  # the Slack user whose it is where the pusher's is not known

    def applies(self, branch: BranchName) -> bool:
        """Whether its pattern fits."""
        return fnmatchcase(branch, self.branches)


def occasions(look: Look) -> Collection[Occasion]:
    """What hooks told of the branch since it was looked at."""
    told = {Occasion.PUSH: look.pushed, Occasion.MERGE_REQUEST: look.opened_at}
    return [occasion for occasion, it in told.items() if it]


def wanted(rules: Sequence[AutoCreation], look: Look) -> AutoCreation | None:
    """The first rule that fits a branch on an occasion that it had."""
    had = occasions(look)
    return next((r for r in rules if r.on in had and r.applies(look.branch)), None)


@dataclass(frozen=True, slots=True)
class Unmade:
    """A branch that a rule wants to have an environment, and a limit keeps without one."""

    branch: BranchName
    hook: Hook
    owner: Actor  # whose it would be
    limit: int
    own: bool  # whether it is the owner's limit, and not that of all
    holders: tuple[BranchName, ...]  # who has the places, the longest unused first


def hook(rule: AutoCreation, look: Look) -> Hook:
    """What had it made."""
    return Hook(rule.on.value.replace("-", " "), asker(rule, look))


def asker(rule: AutoCreation, look: Look) -> str:
    """Who gave the occasion, a GitLab username: outside text."""
    return look.pushed_by if rule.on is Occasion.PUSH else look.opened_by


def branch_wanted(rules: Sequence[AutoCreation], heard: Heard) -> BranchName | None:
    """The branch that may get an environment because of what was heard; None: none does."""
    match heard:
        case Pushed(branch=branch, sha=sha) if sha:
            occasion = Occasion.PUSH
        case MergeFact(branch=branch, state=MergeState.OPENED):
            occasion = Occasion.MERGE_REQUEST
        case _:
            return None
    fits = any(rule.on is occasion and rule.applies(branch) for rule in rules)
    return branch if fits else None
