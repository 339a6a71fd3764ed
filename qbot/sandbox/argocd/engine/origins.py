"""Where an Application's manifests come from: one source, or several with a commit for each.

Inside, the commits of several are one text, joined by commas; Argo CD writes them as `revisions`.
"""

from qbot.sandbox.argocd.objects import Json


def origin(spec: Json) -> Json:
    """`source`, or `sources` in its place, as they stand in results and in the history."""
    if spec.get("sources"):
        return {"sources": spec["sources"]}
    return {"source": spec.get("source") or {}}


def commits(revision: str, origin_: Json) -> Json:
    """A commit, or those of several sources, as a field of what Argo CD writes."""
    return {"revisions": revision.split(",")} if "sources" in origin_ else {"revision": revision}


def commit(told: Json) -> str:
    """What `commits` wrote."""
    return ",".join(told["revisions"]) if told.get("revisions") else str(told.get("revision", ""))
