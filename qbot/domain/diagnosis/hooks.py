"""Webhooks: whether GitLab is set up to tell, and what it and Argo CD tell arrives. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import urlsplit

from qbot.domain.diagnosis.findings import Area, Notes, Unread, shortened

_EVENTS = {
    "push_events": "Push events",
    "merge_requests_events": "Merge request events",
    "pipeline_events": "Pipeline events",
}
_SECRETS = ("token", "signature", "stale")  # refusals that say that a secret or a clock differs


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook as GitLab lists it. Outside text."""

    url: str
    events: frozenset[str]
    branches: str = ""  # which pushes it is for; empty: all
    status: str = "executable"
    verifies: bool = True  # the certificate
    proved: bool = True  # has a secret or signing token
    last: str | Unread | None = None  # how the newest delivery was answered; None: there was none


@dataclass(frozen=True, slots=True)
class HookNeeds:
    """`path` is where Qbot listens; `url` the whole address, where that is known."""

    wanted: bool
    path: str
    url: str = ""
    notifications: tuple[str, ...] = ()  # instances of Argo CD whose notifications are set up


@dataclass(frozen=True, slots=True)
class Running:
    """What a Qbot that serves says of itself, since it began. By method, source and result."""

    budget: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    used: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    limited: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    webhooks: Mapping[tuple[str, str], int] = field(default_factory=lambda: MappingProxyType({}))
    refused: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class HookFacts:
    """What was read: hooks of projects, of the groups above them, and of the Qbot that serves."""

    projects: Mapping[str, Sequence[Hook] | Unread]
    groups: Mapping[str, Sequence[Hook] | Unread]  # unread also where GitLab has none (Free)
    running: Running | Unread


def judge_hooks(needs: HookNeeds, facts: HookFacts) -> Notes:
    """The way in for GitLab and Argo CD, and Slack's budget."""
    notes = Notes.of(Area.WEBHOOKS)
    if needs.wanted:
        _of_gitlab(notes, needs, facts)
    else:
        why = "QBOT_GITLAB__WEBHOOK_SECRET is not set: Qbot asks GitLab every ten minutes."
        notes.unchecked("webhooks.gitlab", "Webhooks of GitLab", why)
    _arrived(notes, needs, facts.running)
    return notes


def _of_gitlab(notes: Notes, needs: HookNeeds, facts: HookFacts) -> None:
    above = [hook for hooks in facts.groups.values() if not isinstance(hooks, Unread)
             for hook in _ours(needs, hooks)]  # fmt: skip
    unread = [path for path, hooks in facts.projects.items() if isinstance(hooks, Unread)]
    told = {path: [*_ours(needs, hooks), *above] for path, hooks in facts.projects.items()
            if not isinstance(hooks, Unread)}  # fmt: skip
    if unread and not above:
        first = facts.projects[unread[0]]
        told_by = first if isinstance(first, Unread) else Unread("")
        what = f"The webhooks of {shortened(unread)}, which Maintainers see, or Owners of the group"
        notes.unread("webhooks.hidden", what, told_by)
    if silent := [path for path, hooks in told.items() if not hooks]:
        notes.lacking(
            "webhooks.none",
            f"No webhook of {shortened(silent)} leads to Qbot.",
            cause="What happens there is heard of ten minutes late, and makes no environments.",
            remedy="Settings, Webhooks: push, merge request and pipeline events, the secret of "
            "QBOT_GITLAB__WEBHOOK_SECRET, to",
            lines=(needs.url or f"https://<Qbot>{needs.path}",),
        )
    _settings(notes, told)
    _deliveries(notes, told)


def _ours(needs: HookNeeds, hooks: Sequence[Hook]) -> Sequence[Hook]:
    return [hook for hook in hooks if hook.url.rstrip("/").endswith(needs.path)]


def _settings(notes: Notes, told: Mapping[str, Sequence[Hook]]) -> None:
    """What is wrong with them, each kind once, with the projects that it is about."""
    wrong: dict[tuple[str, str, str], list[str]] = {}
    for path, hooks in told.items():
        for hook in hooks:
            for problem in _problems(hook):
                wrong.setdefault(problem, []).append(path)
    for (kind, what, remedy), paths in wrong.items():
        where = shortened(list(dict.fromkeys(paths)))
        notes.lacking(f"webhooks.{kind}", f"The webhook of {where} {what}.", remedy=remedy)


def _problems(hook: Hook) -> list[tuple[str, str, str]]:
    found = []
    missing = [words for event, words in _EVENTS.items() if event not in hook.events]
    if missing:
        words = ", ".join(missing)
        found.append(("events", f"does not tell of: {words}", f"Settings, Webhooks: tick {words}."))
    if hook.branches:
        remedy = "Settings, Webhooks, Push events: All branches."
        found.append(("branches", f"is for pushes to {hook.branches[:60]} only", remedy))
    if hook.status != "executable":
        remedy = "See its recent events for why; Test, Push events enables it again."
        found.append(("disabled", f"is switched off by GitLab ({hook.status})", remedy))
    if not hook.proved:
        remedy = "Give it the secret in QBOT_GITLAB__WEBHOOK_SECRET."
        found.append(("secret", "has no secret, so Qbot refuses what it sends", remedy))
    if not hook.verifies and urlsplit(hook.url).scheme == "https":
        remedy = "Settings, Webhooks: Enable SSL verification."
        found.append(("tls", "does not look at Qbot's certificate", remedy))
    return found


def _deliveries(notes: Notes, told: Mapping[str, Sequence[Hook]]) -> None:
    last = {path: hook.last for path, hooks in told.items() for hook in hooks}
    failed = {p: s for p, s in last.items() if isinstance(s, str) and s[:1] not in ("2", "3")}
    arrived = sum(isinstance(s, str) and s[:1] in ("2", "3") for s in last.values())
    unread = [s for s in last.values() if isinstance(s, Unread)]
    if failed:
        answers = ", ".join(sorted(set(failed.values())))
        notes.lacking(
            "webhooks.deliveries",
            f"The newest delivery of {shortened(list(failed))} did not arrive ({answers}).",
            cause="Qbot was away, cannot be reached from GitLab, or refuses the secret.",
            remedy="docs/webhooks.md lists what Qbot answers; Test, Push events tries it again.",
        )
    elif arrived:
        notes.well.append(f"webhooks: the newest delivery of {arrived} projects arrived")
    elif unread:
        notes.unread("webhooks.deliveries", "Whether deliveries arrive", unread[0])
    elif last:
        why = (
            "GitLab has had nothing to tell of the services' projects for seven days; a push "
            "to one of them, or Test, shows it."
        )
        notes.unchecked("webhooks.deliveries", "Whether deliveries arrive", why)


def _arrived(notes: Notes, needs: HookNeeds, running: Running | Unread) -> None:
    if isinstance(running, Unread):
        what = "What webhooks came in"
        notes.unchecked("webhooks.running", what, running.why)
        return
    for source in ("gitlab", "argocd"):
        refused = {r: running.webhooks.get((source, r), 0) for r in _SECRETS}
        if many := sum(refused.values()):
            kinds = ", ".join(kind for kind, count in refused.items() if count)
            notes.lacking(
                f"webhooks.refused.{source}",
                f"Qbot has refused {many} webhooks of {source} since it began ({kinds}).",
                cause="A secret or a clock differs, or somebody else sends them.",
                remedy="Compare the secrets at both ends; docs/webhooks.md lists the answers.",
            )
    _notified(notes, needs, running)


def _notified(notes: Notes, needs: HookNeeds, running: Running) -> None:
    what = "Notifications of Argo CD"
    if not needs.notifications:
        why = "QBOT_ARGOCD__*__WEBHOOK_TOKEN is not set; Qbot watches Argo CD in any case."
        notes.unchecked("webhooks.argocd", what, why)
    elif heard := running.webhooks.get(("argocd", "heard"), 0):
        notes.well.append(f"webhooks: {heard} notifications of Argo CD since Qbot began")
    else:
        why = "None has come since Qbot began; Argo CD does not tell what it sends."
        remedy = "manifests/argocd/notifications.yaml is their configuration."
        notes.unchecked("webhooks.argocd", what, why, remedy)
