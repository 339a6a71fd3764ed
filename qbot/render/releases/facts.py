"""The small print: the merge request, who asked, since when, until when."""

from qbot.domain.progress import End, Step
from qbot.domain.promotion import PromotionState, standing_word
from qbot.domain.release import StageProgress
from qbot.render.card import Fresh, fresh_line
from qbot.render.escape import WHEN, link, mention, moment
from qbot.render.releases.approving import agreed, is_missing
from qbot.render.releases.running import DEPLOYING, pipeline
from qbot.render.releases.versions import changed, images, soak
from qbot.render.style import Style
from qbot.render.words import capital, duration, joined, span

_WAITING = frozenset({Step.QUEUED, Step.PROPOSING, Step.APPROVING})


def change_line(progress: StageProgress, style: Style) -> str:
    """`Merge request !42 · pipeline passed · 4 lines changed in 4 files · in staging since ...`."""
    waiting = progress.dry_run or (progress.end is None and not progress.merged_sha)
    parts = [
        merge_request(progress, style),
        pipeline(progress, style) if waiting else "",
        changed(progress),
        images(progress) if waiting else "",
        soak(progress) if waiting else "",
    ]
    return capital(joined(parts))


def merge_request(progress: StageProgress, style: Style) -> str:
    """`Merge request !42`, linked; empty where there is none."""
    if not progress.merge_request_iid:
        return ""
    label = f"Merge request !{progress.merge_request_iid}"
    return link(progress.merge_request, label, style.hosts)


def fact_line(progress: StageProgress) -> str:
    """Who asked and when; how long it took, usually takes, or may still wait."""
    asked_at = progress.requested_at or progress.started_at
    who = f"Requested by {mention(progress.actor.user)} {moment(asked_at)}"
    who = joined([who, _again(progress)])
    if progress.dry_run or progress.end is End.REFUSED:
        return who
    took = expires = usual = ""
    if progress.given_up:
        pass  # it is over when somebody says so
    elif progress.end is not None and progress.ended_at is not None:
        took = f"took {span(progress.worked_from, progress.ended_at)}"
    elif progress.step is Step.APPROVING and progress.expires_at and is_missing(progress):
        expires = f"expires {moment(progress.expires_at, WHEN)}"
    elif progress.step in DEPLOYING and progress.usual_seconds:
        usual = f"usually takes {duration(progress.usual_seconds)}"
    settled = "" if progress.step is Step.APPROVING else agreed(progress)
    return joined([who, settled, took, expires, usual])


def _again(progress: StageProgress) -> str:
    """Who took it up again, which need not be who asked for it."""
    if progress.again_by is None:
        return ""
    if progress.unclosed:
        return (
            f"withdrawal tried by {mention(progress.again_by.user)} {moment(progress.started_at)}"
        )
    word = standing_word(PromotionState.CANCELLED, merged=bool(progress.merged_sha))
    verb = word if progress.given_up else "retried"
    return f"{verb} by {mention(progress.again_by.user)} {moment(progress.started_at)}"


def freshness(progress: StageProgress, fresh: Fresh | None) -> str:
    """Nothing while people are waited for: the card changes when one of them says something."""
    if fresh is None or progress.step in _WAITING:
        return ""
    return fresh_line(progress, fresh)
