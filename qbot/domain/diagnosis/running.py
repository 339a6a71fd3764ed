"""Slack's budget, as a Qbot that serves tells it. Pure."""

from qbot.domain.diagnosis.findings import Area, Notes, Severity, Unread
from qbot.domain.diagnosis.hooks import Running


def judge_running(running: Running | Unread) -> Notes:
    """How much of it is used, and what Slack has closed for a while."""
    notes = Notes.of(Area.SLACK)
    if isinstance(running, Unread):
        notes.unchecked("slack.budget", "How much of Slack's budget is used", running.why)
        return notes
    for method, times in running.limited.items():
        if times:
            notes.add(
                Severity.NOTE,
                f"slack.limited.{method}",
                f"Slack has closed {method} {times} times since Qbot began.",
                cause="Slack counts by app and workspace; Qbot waits as it is told, so cards are "
                "late and nothing is lost.",
                remedy="docs/operating.md: QbotCardsBehind.",
            )
    told = (f"{m} {running.used.get(m, 0):g} of {most:g}" for m, most in running.budget.items())
    notes.well.append(f"Slack: calls of the last minute: {', '.join(told)}")
    signatures = sum(running.refused.get(rule, 0) for rule in ("signature", "stale"))
    if signatures:
        notes.lacking(
            "slack.signatures",
            f"Qbot has refused {signatures} requests for their signature since it began.",
            cause="QBOT_SLACK__SIGNING_SECRET is another app's, the clock is wrong, or somebody "
            "else sends them.",
            remedy="Compare it with Basic Information, Signing Secret.",
        )
    return notes
