"""Environments that nobody asks for: which branches get one by themselves. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from qbot.domain.branches import MergeFact, MergeState
from qbot.domain.hearsay import Heard, Pushed
from qbot.domain.names import BranchName


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


def wanted(rules: Sequence[AutoCreation], branch: BranchName) -> AutoCreation | None:
    """The first rule that fits a branch, whatever the occasion."""
    return next((rule for rule in rules if rule.applies(branch)), None)


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
