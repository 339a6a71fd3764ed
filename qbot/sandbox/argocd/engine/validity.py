"""What makes an Application's spec invalid, in Argo CD's words.

Source: Argo CD `util/argo/argo.go` (ValidatePermissions, ValidateRepo) and
`util/argo/argo.go` (GetDestinationCluster).
"""

from qbot.sandbox.argocd.objects import Json
from qbot.sandbox.argocd.permits import (
    CLUSTER,
    SERVER,
    destination_permitted,
    source_permitted,
)


def bad_destination(destination: Json) -> str:
    """Why the destination names no cluster, empty if it does."""
    server, name = destination.get("server", ""), destination.get("name", "")
    if server and name:
        return f"application destination can't have both name and server defined: {name} {server}"
    if not server and not name:
        return "Destination server missing from app spec"
    if name and name != CLUSTER:
        return f"there are no clusters with this name: {name}"
    if server and server != SERVER:
        return f"error getting cluster by server {server!r}: cluster {server!r} not found"
    return ""


def not_permitted(spec: Json, project: Json) -> list[str]:
    """Why the project does not permit the spec's source and destination."""
    destination, name, problems = spec["destination"], project["metadata"]["name"], []
    for source in spec.get("sources") or [spec.get("source") or {}]:
        url = source.get("repoURL", "")
        if not url or not (source.get("path") or source.get("ref")):
            what = "spec.source.repoURL and either spec.source.path or spec.source.chart"
            return [f"{what} are required"]
        if not source_permitted(project["spec"], url):
            problems.append(f"application repo {url} is not permitted in project '{name}'")
    if not destination_permitted(project["spec"], destination):
        server = destination.get("server") or SERVER
        namespace = destination.get("namespace", "")
        problems.append(
            f"application destination server '{server}' and namespace '{namespace}' do not match"
            f" any of the allowed destinations in project '{name}'"
        )
    return problems
