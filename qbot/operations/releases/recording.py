"""A deployment in GitLab's own list of deployments."""

from qbot.domain.changes import Change
from qbot.errors import PermanentError, TransientError
from qbot.operations.releases.case import Case

_WITHIN = 60.0  # seconds that it is worth with the stage's lock held


async def recorded(case: Case) -> None:
    """Best effort, as a token may lack the right; what came of it is in the audit log."""

    async def record() -> str:
        try:
            await case.context.repository.record_deployment(
                case.plan.project,
                environment=case.stage.name,
                sha=case.promotion.merge_sha,
                ref=case.plan.branch,
                succeeded=True,
            )
        except PermanentError as error:
            return str(error)
        return ""

    async def tried() -> str:
        try:
            return await case.run.call("GitLab's deployments", record, within=_WITHIN)
        except TransientError as error:
            return str(error)

    def changes(problem: str) -> list[Change]:
        return [case.audited("deployment-recorded", "failed" if problem else "done", why=problem)]

    await case.run.step("deployment", tried, changes=changes)
