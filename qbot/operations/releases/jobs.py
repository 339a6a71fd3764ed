"""Named jobs before the merge and after the deployment of a promotion."""

from qbot.domain.jobs import JobRun, JobState
from qbot.domain.progress import Step
from qbot.errors import PermanentError, UserError
from qbot.operations.jobs import run_job
from qbot.operations.releases.case import Case

_STEPS = {"before": Step.BEFORE, "after": Step.AFTER}


async def ran(case: Case, name: str, *, when: str) -> None:
    """Run a job and wait for it; an empty name is none.

    Once for each approval of a head, and anew where the stage's lock was given back since.

    Args:
        case: the promotion.
        name: of a job in qbot.yaml.
        when: "before" the merge or "after" the deployment.

    Raises:
        UserError: it failed; names it and where its output is.
        PermanentError: qbot.yaml has no such job, or it cannot be run at all.
        Cancelled: a rollback has taken the promotion's place; the job goes on outside.
    """
    if not name:
        return
    job = case.context.jobs.get(name)
    if job is None:
        raise PermanentError(f"qbot.yaml has no job {name!r}, which {case.stage.name} needs.")
    case.tracker.show(step=_STEPS[when])
    others = tuple(j for j in case.tracker.progress.jobs if j.job != name)

    def show(seen: JobRun) -> None:
        case.tracker.show(jobs=(*others, seen))

    ended = await run_job(
        case.run,
        case.context.runner,
        job,
        _values(case, when),
        key=_key(case, when),
        show=show,
        context=case.context.base,
        still=case.still_its_turn if when == "after" else None,
    )
    if ended.state is not JobState.PASSED:
        why = f": {ended.note}" if ended.note else "."
        raise UserError(
            f"The job {name}, {when} {_WHAT[when]}, failed{why}",
            hint=f"Its output: {ended.url}" if ended.url else "Put it right and press Retry.",
        )


def _key(case: Case, when: str) -> str:
    key = f"{case.run.operation.id}:{when}:{case.round}:{case.merge_request.sha[:12]}"
    return f"{key}:{case.given_back}" if case.given_back else key


_WHAT = {"before": "the merge", "after": "the deployment"}


def _values(case: Case, when: str) -> dict[str, str]:
    after = when == "after"
    return {
        "env": case.stage.name,
        "stage": case.stage.name,
        "url": case.stage.url,
        "sha": case.promotion.merge_sha if after else case.merge_request.sha,
        "promotion": case.promotion.name,
        "services": ",".join(case.services),
    }
