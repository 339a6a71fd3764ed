"""What is done once people have agreed: jobs, the merge, the deployment, and what went wrong."""

from qbot.domain.progress import UNDER_WAY, Step
from qbot.domain.release import StageProgress
from qbot.render.attention import attention
from qbot.render.card import trouble_line
from qbot.render.counts import activity, bar, tally
from qbot.render.escape import clean, link, moment, prose
from qbot.render.releases.approving import question
from qbot.render.style import Style

DEPLOYING = frozenset({Step.DEPLOYING, Step.CHECKING, Step.AFTER})
_LOG_LINES = 12
_LOG_LINE = 160
_LOG = 1_500  # characters of all lines, escaped
# GitLab's detailed_merge_status and pipeline statuses: open sets, so what is not here is not said.
_MERGING = {
    "ci_still_running": "Merging: waits for the pipeline",
    "ci_must_pass": "Merging: waits for the pipeline",
    "unchecked": "Merging: GitLab is checking",
    "checking": "Merging: GitLab is checking",
    "preparing": "Merging: GitLab is checking",
    "approvals_syncing": "Merging: GitLab is checking",
}
_RUNS = frozenset({"created", "waiting_for_resource", "preparing", "pending", "running"})
_PIPELINES = {
    "success": "pipeline passed",
    "failed": ":red_circle: pipeline failed",
    "canceled": ":red_circle: pipeline cancelled",
    "canceling": ":red_circle: pipeline cancelled",
    "skipped": "pipeline skipped",
    "manual": "pipeline waits for somebody",
    "scheduled": "pipeline waits for its time",
}


def doing(progress: StageProgress) -> str:
    """What it is busy with, in one line; plain text."""
    if progress.cancelling and not progress.merged_sha:
        return "Being withdrawn"
    behind_none = progress.step is Step.QUEUED and not progress.headline
    if progress.step is Step.RESOLVING or behind_none:
        return "Looking up what would change"
    if progress.step is Step.APPROVING:
        return question(progress)
    if progress.step is Step.MERGING:
        return _MERGING.get(progress.merge_status, "Merging")
    return activity(progress)


def deployment(progress: StageProgress, style: Style) -> list[str]:
    """How far the services are, and those that need somebody's eye."""
    if not progress.services:
        return []
    rows = attention(progress.services, style, ended=progress.end is not None)
    return [f"{bar(progress)}  {tally(progress)}", *_left(progress), *rows]


def _left(progress: StageProgress) -> list[str]:
    """Since when nobody looks any more at what goes on by itself."""
    if progress.ended_at is None or not any(s.stage in UNDER_WAY for s in progress.services):
        return []
    at = moment(progress.ended_at, "{time_secs}")
    return [f"As of {at}, when this ended; what was on its way then may be there by now:"]


def pipeline(progress: StageProgress, style: Style) -> str:
    """How the merge request's pipeline stands; empty where there is none."""
    status = progress.pipeline
    label = "pipeline running" if status in _RUNS else _PIPELINES.get(status, "")
    if not label:
        return ""
    sign, _, word = label.rpartition(": ")
    shown = link(progress.pipeline_url, word, style.hosts)
    return f"{sign}: {shown}" if sign else shown


def log_block(progress: StageProgress) -> str:
    """The last lines of what failed first, as one code block; empty: none are known."""
    kept: list[str] = []
    left = _LOG
    for line in reversed(progress.log[-_LOG_LINES:]):
        shown = prose(clean(line.replace("`", "'"), _LOG_LINE), _LOG_LINE)
        if len(shown) > left:
            break
        left -= len(shown) + 1
        kept.append(shown)
    text = "\n".join(reversed(kept)).strip("\n")
    return f"```\n{text}\n```" if text.strip() else ""


def trouble(progress: StageProgress) -> str:
    """A neighbour that does not answer."""
    return trouble_line(progress) if progress.trouble else ""
