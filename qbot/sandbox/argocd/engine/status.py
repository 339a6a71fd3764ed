"""What a comparison leaves in the status of an Application."""

from collections.abc import Mapping

from qbot.sandbox.argocd.engine import conditions
from qbot.sandbox.argocd.engine.comparison import Comparison
from qbot.sandbox.argocd.engine.origins import commits, origin
from qbot.sandbox.argocd.objects import Json, merged, with_status

EVALUATED = ("InvalidSpecError", "ComparisonError", "SyncError")


def compared(
    app: Json, found: Comparison, errors: Mapping[str, list[str]], now: str, *, looked_up: bool
) -> Json:
    """The Application with the outcome of a comparison.

    Args:
        app: the Application as it was.
        found: the outcome.
        errors: conditions of the evaluated types, by type.
        now: the moment, as Kubernetes writes it.
        looked_up: whether the revision was looked up; only then it counts as reconciled.
    """
    status = app["status"]
    health = status["health"]
    if health.get("status") != found.health:
        health = {"status": found.health, "lastTransitionTime": now}
    sync = {"status": found.sync, "comparedTo": compared_to(app)}
    if found.revision:
        sync |= commits(found.revision, origin(app["spec"]))
    return with_status(
        app,
        sync=sync,
        health=health,
        resources=list(found.resources) or None,
        summary=merged(
            {}, images=list(found.images) or None, externalURLs=list(found.urls) or None
        ),
        sourceType=found.kind or status.get("sourceType"),
        resourceHealthSource="appTree",
        conditions=conditions.replaced(app, errors, EVALUATED, now),
        reconciledAt=now if looked_up else status.get("reconciledAt"),
    )


def compared_to(app: Json) -> Json:
    """What of the spec the comparison was with."""
    return {**origin(app["spec"]), "destination": app["spec"]["destination"]}
