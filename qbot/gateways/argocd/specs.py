"""The AppProject and the Applications of an environment, as JSON for Argo CD. Pure."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from qbot.domain.environment import Environment
from qbot.domain.images import parameter_of
from qbot.domain.names import BASE, ServiceName
from qbot.domain.services import Image, Service, ServicePlan, Source
from qbot.gateways.argocd.labels import annotations, labels
from qbot.gateways.argocd.parameters import facts, parameters, values
from qbot.gateways.argocd.policy import DEFAULT_KINDS, SpecPolicy

Json = dict[str, Any]

CASCADE = "resources-finalizer.argocd.argoproj.io"  # foreground: gone means gone with its objects


def project(env: Environment, services: Collection[Service], policy: SpecPolicy) -> Json:
    """An AppProject that allows exactly what the environment needs.

    Orphaned-resource monitoring is off because the key is absent: with a hundred Applications
    in one namespace, each would report what the others own.
    """
    sources = {service.repo_url for service in services} | {policy.base.repo_url}
    return {
        "metadata": {
            "name": str(env.name),
            "labels": labels(env, policy.extra_labels),
            "annotations": annotations(env),
        },
        "spec": {
            "description": f"Branch environment {env.name}, made and deleted by Qbot",
            "sourceRepos": sorted(sources),
            "destinations": [{"server": env.cluster, "namespace": str(env.name)}],
            "clusterResourceWhitelist": [
                # The name is honoured by newer servers; older ones take any namespace.
                {"group": "", "kind": "Namespace", "name": str(env.name)}
            ],
            # Never empty: Argo CD would take that as a leave for every kind.
            "namespaceResourceWhitelist": [_kind(kind) for kind in policy.kinds or DEFAULT_KINDS],
        },
    }


def base(env: Environment, policy: SpecPolicy) -> Json:
    """The Application that owns the namespace; no other one may make it."""
    chart = policy.base
    source: Json = {
        "repoURL": chart.repo_url,
        "path": chart.path,
        "targetRevision": chart.revision,
        "helm": _helm(BASE, chart.value_files, parameters(chart.parameters, facts(env))),
    }
    return _application(env, BASE, source, policy)


def application(env: Environment, service: Service, plan: ServicePlan, policy: SpecPolicy) -> Json:
    """The Application of one service at the version that the plan says."""
    known, image = facts(env, plan), _image(service, plan)
    helm = _helm(service.name, service.value_files, parameters(service.parameters, known, image))
    if tagged := values(image, known):
        helm["valuesObject"] = tagged
    source: Json = {
        "repoURL": service.repo_url,
        "path": service.chart,
        "targetRevision": target_revision(plan, policy),
        "helm": helm,
    }
    return _application(env, service.name, source, policy)


def _image(service: Service, plan: ServicePlan) -> Image | None:
    """The commit's own, or the one that was asked for in its place."""
    if service.image is None or not plan.image:
        return service.image
    return replace(service.image, tag=parameter_of(service.image, plan.image))


def target_revision(plan: ServicePlan, policy: SpecPolicy) -> str:
    """A commit, or the branch in full, which no tag or version range can shadow."""
    if policy.track == "branch" and plan.source is Source.BRANCH:
        return f"refs/heads/{plan.ref}"
    return plan.sha


def _application(env: Environment, service: ServiceName, source: Json, policy: SpecPolicy) -> Json:
    return {
        "metadata": {
            "name": str(env.app(service)),
            "labels": labels(env, policy.extra_labels),
            "annotations": annotations(env, service),
            "finalizers": [CASCADE],
        },
        "spec": {
            "project": str(env.name),
            "source": source,
            "destination": {"server": env.cluster, "namespace": str(env.name)},
            "syncPolicy": _sync_policy(policy),
            "revisionHistoryLimit": 1,
        },
    }


def _helm(release: ServiceName, value_files: tuple[str, ...], given: list[Json]) -> Json:
    """The release is named after the service, so that DNS inside every namespace is the same."""
    found: Json = {"releaseName": str(release)}
    if value_files:
        found["valueFiles"] = list(value_files)
    if given:
        found["parameters"] = given
    return found


def _sync_policy(policy: SpecPolicy) -> Json:
    found: Json = {
        "automated": {"prune": policy.prune, "selfHeal": policy.self_heal},
        "retry": {
            "limit": policy.retries,
            "backoff": {
                "duration": policy.backoff.duration,
                "factor": policy.backoff.factor,
                "maxDuration": policy.backoff.max_duration,
            },
        },
    }
    if policy.sync_options:
        found["syncOptions"] = list(policy.sync_options)
    return found


def _kind(text: str) -> Json:
    group, _, kind = text.rpartition("/")
    return {"group": group, "kind": kind}
