"""The part of one Argo CD."""

from collections.abc import Mapping
from dataclasses import dataclass

from qbot.domain.diagnosis.argocd import ArgoCDFacts, judge_argocd
from qbot.domain.diagnosis.findings import Notes, Unread
from qbot.domain.diagnosis.ports import ArgoCDReader
from qbot.domain.diagnosis.rights import ArgoCDNeeds, Right, rights_of
from qbot.domain.stages import Stage
from qbot.operations.examining.reading import each, tried


@dataclass(frozen=True, slots=True)
class Instance:
    """One Argo CD, what is asked of it, and its stages by name."""

    reader: ArgoCDReader
    needs: ArgoCDNeeds
    stages: Mapping[str, Stage]


async def examine_argocd(instance: Instance, version: str) -> Notes:
    """Of one that answers."""
    reader, needs = instance.reader, instance.needs
    account = await tried(reader.account())
    if isinstance(account, Unread) or not account:
        return judge_argocd(needs, ArgoCDFacts(version, account, "", {}, {}))
    namespace = await tried(reader.namespace())
    where = "" if isinstance(namespace, Unread) else namespace
    apps = await each(instance.stages, lambda name: reader.apps(instance.stages[name]))

    async def given(right: Right) -> bool:
        return await reader.can(right.resource, right.action, right.thing)

    rights = await each(rights_of(needs, apps, where), given)
    return judge_argocd(needs, ArgoCDFacts(version, account, where, apps, rights))
