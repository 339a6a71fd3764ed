"""Whether somebody may, with the roles that the rule needs: the question of every way in.

Refusals of what people ask for are written down here, with the rule that decided.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

import structlog

from qbot.domain.approvals import Person
from qbot.domain.authority import Authority
from qbot.domain.people import Actor
from qbot.domain.policy import Decision, Denied, RefusedError
from qbot.domain.release_ports import People
from qbot.domain.stages import ApprovalRule
from qbot.domain.subjects import Subject
from qbot.errors import QbotError

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Grounds:
    """What something is done to: whose it is, and the rule of the stage that it belongs to."""

    owner: Actor | None = None
    approval: ApprovalRule | None = None


NO_GROUNDS = Grounds()


class Refusals(Protocol):
    """The part of the audit log that is needed here."""

    async def refused(self, who: Actor, action: str, rule: str, detail: Mapping[str, str]) -> None:
        """Note one refusal with what it was about."""

    async def repeated(self, who: Actor, action: str, detail: Mapping[str, str]) -> None:
        """Note that somebody said the same again, which changes nothing."""


class Rights:
    """The one authority, with the people and the log that it needs."""

    def __init__(self, authority: Authority, people: People, audit: Refusals) -> None:
        self.authority = authority
        self.people = people
        self._audit = audit

    async def decide(
        self, subject: Subject, actor: Actor, grounds: Grounds = NO_GROUNDS
    ) -> Decision:
        """Whether the actor, whom Slack vouches for as a full member, may.

        Roles are asked for where the rule needs them, and are those of the last minutes: Slack
        grants twenty looks at its user groups a minute, and those belong to approvals, which
        `qbot.operations.releases.verdicts` judges by roles of that very moment.

        Raises:
            TransientError: nothing is known, and they cannot be asked.
        """
        person = Person(actor, account=None)
        if self.authority.needs_roles(subject):
            person = await self.people.person(actor)
        return self.of(subject, person, grounds)

    def of(self, subject: Subject, person: Person, grounds: Grounds) -> Decision:
        """The same for somebody whose roles are known."""
        return self.authority.decide(
            subject, person, owner=grounds.owner, approval=grounds.approval
        )

    async def refuse(
        self,
        who: Actor,
        action: str,
        denied: Denied,
        detail: Mapping[str, str] = MappingProxyType({}),
    ) -> RefusedError:
        """Write the refusal down; what to raise."""
        log.info("refused", action=action, rule=denied.rule, actor=who.key)
        try:
            await self._audit.refused(who, action, denied.rule, detail)
        except QbotError as error:  # refused all the same
            log.warning("a refusal is not in the audit log", error=str(error))
        return RefusedError(denied)

    async def repeated(self, who: Actor, action: str, detail: Mapping[str, str]) -> None:
        """Write down that somebody said the same again."""
        try:
            await self._audit.repeated(who, action, detail)
        except QbotError as error:  # it changes nothing
            log.warning("a repetition is not in the audit log", error=str(error))
