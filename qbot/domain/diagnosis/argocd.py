"""One Argo CD: version, account, each right that Qbot needs, and the stages' Applications. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qbot.domain.diagnosis.findings import Area, Notes, Severity, Unread, shortened
from qbot.domain.diagnosis.rights import COSTS, ROLE, ArgoCDNeeds, Right, SeenApp, StageNeeds
from qbot.domain.diagnosis.versions import flaws, told, version_of

_OF_A_PROJECT = "proj:"  # how the names of tokens of AppProjects begin
_OPTIONAL = ("logs",)


@dataclass(frozen=True, slots=True)
class ArgoCDFacts:
    """What was read. An empty `account`: Argo CD does not know the token."""

    version: str | Unread
    account: str | Unread
    namespace: str  # of Argo CD itself; empty: it did not say
    apps: Mapping[str, Sequence[SeenApp] | Unread]  # by stage
    rights: Mapping[Right, bool | Unread]


def judge_argocd(needs: ArgoCDNeeds, facts: ArgoCDFacts) -> Notes:
    """All of one instance."""
    notes, where = Notes.of(Area.ARGOCD), f"argocd.{needs.instance}"
    _version(notes, where, facts.version)
    account = facts.account
    if isinstance(account, Unread):
        notes.unread(where, f"The account and rights at Argo CD {needs.instance}", account)
        return notes
    if not account:
        notes.broken(
            f"{where}.token",
            f"Argo CD {needs.instance} does not know the token.",
            cause="It was revoked, has expired, or is another instance's.",
            remedy=f"argocd account generate-token --account qbot; put it into {needs.setting}"
            "TOKEN.",
        )
        return notes
    if account.startswith(_OF_A_PROJECT):
        notes.broken(
            f"{where}.token",
            f"The token of Argo CD {needs.instance} is a role's of an AppProject.",
            cause="Such a token cannot create AppProjects.",
            remedy=f"Make a local account in argocd-cm, and its key {needs.setting}TOKEN:",
            lines=("accounts.qbot: apiKey",),
        )
        return notes
    _rights(notes, needs, facts, account)
    _applications(notes, needs, facts)
    notes.unchecked(
        f"{where}.cluster",
        "Whether the clusters that environments and stages are in are reachable",
        "That takes the right `clusters, get`, which Qbot needs for nothing else.",
    )
    return notes


def _version(notes: Notes, where: str, version: str | Unread) -> None:
    known = None if isinstance(version, Unread) else version_of(version)
    if known is None:
        fact = version if isinstance(version, Unread) else Unread(f"It says {version[:40]!r}.")
        notes.unread(f"{where}.version", "The version of Argo CD", fact)
        return
    for flaw, fixed in flaws(known):
        notes.broken(
            f"{where}.{flaw.cve}",
            f"Argo CD {told(known)} has {flaw.cve}.",
            cause=f"With it {flaw.why}.",
            remedy=f"Upgrade to {told(fixed)} or newer.",
        )
    notes.well.append(f"Argo CD {where.partition('.')[2]}: version {told(known)}")


def _rights(notes: Notes, needs: ArgoCDNeeds, facts: ArgoCDFacts, account: str) -> None:
    where = f"argocd.{needs.instance}"
    lacking = [right for right, given in facts.rights.items() if given is False]
    unread = [given for given in facts.rights.values() if isinstance(given, Unread)]
    if unread:
        what = f"{len(unread)} of {len(facts.rights)} rights of {account}"
        notes.unread(f"{where}.rights", what, unread[0])
    if lacking and len(lacking) == len(facts.rights):
        notes.broken(
            f"{where}.role",
            f"The account {account} of Argo CD {needs.instance} may do nothing that Qbot needs.",
            cause="It has no role, or the role has no lines.",
            remedy="Add to policy.qbot.csv in argocd-rbac-cm, below the role's own lines, which "
            "are in docs/rights.md:",
            lines=(f"g, {account}, {ROLE}",),
        )
        return
    for line, right in {right.line: right for right in lacking}.items():
        _lacking(notes, needs.instance, account, right, line)
    if not lacking and not unread:
        notes.well.append(f"Argo CD {needs.instance}: {account} has all {len(facts.rights)} rights")


def _lacking(notes: Notes, instance: str, account: str, right: Right, line: str) -> None:
    notes.add(
        Severity.LACKING if right.resource in _OPTIONAL else Severity.BROKEN,
        f"argocd.{instance}.right.{right.resource}.{right.action}.{right.pattern}",
        f"The account {account} of Argo CD {instance} lacks `{right.action}` of "
        f"{right.resource} {right.pattern}.",
        cause=COSTS[right.resource, right.action],
        remedy="Add to policy.qbot.csv in argocd-rbac-cm:",
        lines=(line,),
    )


def _applications(notes: Notes, needs: ArgoCDNeeds, facts: ArgoCDFacts) -> None:
    hidden = {
        right.pattern.partition("/")[0]
        for right, given in facts.rights.items()
        if given is not True and (right.resource, right.action) == ("applications", "get")
    }
    for stage in needs.stages:
        seen, name = facts.apps.get(stage.name), f"argocd.{needs.instance}.stage.{stage.name}"
        what = f"The Applications of {stage.name}"
        if seen is None or isinstance(seen, Unread):
            notes.unread(name, what, seen or Unread("They were not asked for."))
        elif not seen and stage.name in hidden:
            notes.unchecked(name, what, "Qbot may not see them, see above.")
        else:
            _missing(notes, name, needs.instance, stage, seen)


def _missing(
    notes: Notes, name: str, instance: str, stage: StageNeeds, seen: Sequence[SeenApp]
) -> None:
    there = {app.service for app in seen}
    missing = [stage.names.get(s, s) for s in stage.services if s not in there]
    if missing:
        notes.broken(
            name,
            f"Argo CD {instance} shows no Application {shortened(missing)} of {stage.name}.",
            cause="They do not exist, are named otherwise, or are in an AppProject that Qbot may "
            "not see.",
            remedy=f"Make them, or put stages.{stage.name}.applications or .services right.",
        )
    else:
        notes.well.append(f"Argo CD {instance}: {len(seen)} Applications of {stage.name}")
