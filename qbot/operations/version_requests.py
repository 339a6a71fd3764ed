"""What people ask about an environment's versions, from words to an operation in the database."""

from qbot.domain.inputs import DeployInput, RestoreInput
from qbot.domain.names import ServiceName
from qbot.domain.operation import Submitted
from qbot.domain.progress import Kind
from qbot.domain.release_commands import Deploy, Rollback
from qbot.errors import UserError
from qbot.operations.requests import Asked, Requests

_OF_STAGES = "Only stages are held, and only there is somebody asked before."


class VersionRequests:
    """Submits deployments and rollbacks of environments."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def deploy(self, wanted: Deploy, asked: Asked) -> Submitted:
        """Queue other versions of some services; a set has one ref for all that it stands for.

        Raises:
            UserError: no such environment or service, or two refs for one service.
            BarredError: somebody else has locked it.
        """
        names = tuple(name for name, _ in wanted.overrides)
        env, _ = await self._requests.changeable(
            wanted.env, names, asked.actor, looks=wanted.dry_run
        )
        overrides: dict[ServiceName, str] = {}
        for name, ref in wanted.overrides:
            for service in self._requests.listed(env, (name,)):
                if overrides.setdefault(service, ref) != ref:
                    raise UserError(
                        f"`{service}` was named twice: `{overrides[service]}` and `{ref}`."
                    )
        asked_for = DeployInput(tuple(overrides.items()), dry_run=wanted.dry_run)
        return await self._requests.submit(Kind.DEPLOY, asked_for, env.id, asked)

    async def restore(self, wanted: Rollback, asked: Asked) -> Submitted:
        """Queue the way back to the last versions that were ready.

        Raises:
            UserError: no such environment or service, or an option that is for stages.
            BarredError: somebody else has locked it.
        """
        env, services = await self._requests.changeable(
            wanted.place, wanted.services, asked.actor, guess=False, looks=wanted.dry_run
        )
        for given, option in ((wanted.to, "to"), (wanted.break_glass, "break-glass")):
            if given:
                raise UserError(
                    f"`--{option}` is for stages; `{env.branch}` is a branch environment.",
                    hint=f"{_OF_STAGES} `rollback {env.branch}` goes back to what was ready last.",
                )
        asked_for = RestoreInput(services, dry_run=wanted.dry_run)
        return await self._requests.submit(Kind.RESTORE, asked_for, env.id, asked)
