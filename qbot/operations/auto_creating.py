"""Making the environment of a branch for which qbot.yaml wants one."""

from collections.abc import Mapping
from typing import Protocol

import structlog

from qbot.domain.auto_creation import AutoCreation, Unmade, asker, hook, wanted
from qbot.domain.branches import Look
from qbot.domain.commands import Create
from qbot.domain.environment import Environment
from qbot.domain.following import PIPELINE_MADE_WITHIN
from qbot.domain.names import BranchName
from qbot.domain.operation import QuotaReached, Submitted
from qbot.domain.people import QBOT, Actor, Place
from qbot.domain.progress import Hook
from qbot.domain.services import Build
from qbot.errors import UserError
from qbot.operations.context import Context
from qbot.operations.requests import Asked, Requests

RULE = "environments.auto_create"
_NAMED = 3  # that hold the places
log = structlog.get_logger()


class Telling(Protocol):
    """Where it is written down that nothing was made. Raises TransientError."""

    async def unmade(self, said: Unmade, channel: str) -> None:
        """Let the channel be told, once a day for each branch."""


class Creator:
    """Asks for what the rules want; the same commit is asked for once.

    Args:
        context: ports and rules.
        requests: takes the creates.
        telling: of what a limit keeps from being made.
        accounts: Slack user ids by GitLab username in small letters.
        team: the workspace.
    """

    def __init__(
        self,
        *,
        context: Context,
        requests: Requests,
        telling: Telling,
        accounts: Mapping[str, str],
        team: str,
    ) -> None:
        self._context = context
        self._rules = context.rules.auto_create
        self._requests = requests
        self._telling = telling
        self._accounts = accounts
        self._team = team
        self._defaults = frozenset(s.default_branch for s in context.catalog.values())

    async def consider(self, look: Look, sha: str) -> bool:
        """The branch is there, with this commit. False: it is too early to say, look again.

        Raises:
            TransientError, PermanentError: GitLab or the database does not say.
        """
        rule = wanted(self._rules, look)
        if rule is None or look.branch in self._defaults or await self._was_there(look.branch):
            return True
        if await self._is_early(look, sha):
            return False
        await self._ask(rule, look, sha)
        return True

    async def _is_early(self, look: Look, sha: str) -> bool:
        """Whether a pipeline may still be made: what is not built must not be deployed."""
        context = self._context
        told = max((at for at in (look.pushed_at, look.opened_at) if at), default=None)
        if told is None or context.clock.now() - told >= PIPELINE_MADE_WITHIN:
            return False
        commit = (look.project, sha)
        return (await context.gitlab.builds([commit]))[commit][0] is Build.NONE

    async def _ask(self, rule: AutoCreation, look: Look, sha: str) -> None:
        owner = Actor(self._team, self._accounts.get(asker(rule, look).lower(), rule.owner))
        because = hook(rule, look)
        asked = Asked(
            actor=QBOT,
            place=Place(rule.channel),
            key=f"auto:{look.branch}:{sha}",
            rule=RULE,
            owner=owner,
            hook=because,
        )
        try:
            answer = await self._requests.create(Create(look.branch), asked)
        except UserError as error:
            log.warning("an environment was not made by itself", reason=str(error))
            return
        if isinstance(answer, QuotaReached):
            said = _unmade(look.branch, because, owner, answer)
            await self._telling.unmade(said, rule.channel)
        if not isinstance(answer, Submitted):
            log.warning("an environment was not made by itself", reason=type(answer).__name__)

    async def _was_there(self, branch: BranchName) -> bool:
        """Whether there is one, or a person has deleted it: then a person makes the next."""
        found = await self._context.store.find(branch)
        if found is None or found.branch != branch:
            return False
        return found.phase.alive or await self._deleted_by_somebody(found)

    async def _deleted_by_somebody(self, env: Environment) -> bool:
        """What a person has cleared away since is no word against the next one."""
        deleted = await self._context.store.deleted(env.branch)
        return deleted is not None and deleted.environment.id == env.id and deleted.by != QBOT


def _unmade(branch: BranchName, because: Hook, owner: Actor, full: QuotaReached) -> Unmade:
    holders = tuple(env.branch for env in full.holders[:_NAMED])
    return Unmade(branch, because, owner, full.limit, full.owner is not None, holders)
