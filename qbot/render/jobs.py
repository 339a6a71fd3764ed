"""Named jobs on cards: how each stands, and the way to its output."""

from collections.abc import Sequence

from qbot.domain.jobs import JobRun, JobState
from qbot.render.escape import link, prose
from qbot.render.style import Style

_JOBS = 4
_JOB_STATES = {
    JobState.RUNNING: (":large_blue_circle:", "is running"),
    JobState.PASSED: (":white_check_mark:", "passed"),
    JobState.FAILED: (":red_circle:", "failed"),
}


def job_lines(jobs: Sequence[JobRun], style: Style) -> list[str]:
    """Each with its state and the way to its output."""
    return [_job(j, style) for j in jobs[:_JOBS]]


def _job(job: JobRun, style: Style) -> str:
    sign, word = _JOB_STATES[job.state]
    name = prose(job.job, 60) or "job"
    output = link(job.url, "output", style.hosts)
    note = f": {prose(job.note, 160)}" if job.note.strip() else ""
    where = f" ({output})" if output != "output" else ""
    return f"{sign} Job *{name}* {word}{note}{where}"
