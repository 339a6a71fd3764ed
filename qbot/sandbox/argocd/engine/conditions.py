"""`status.conditions`: replaced by type, with the time of the last change."""

from collections.abc import Iterable, Mapping

from qbot.sandbox.argocd.objects import Json

ERRORS = ("DeletionError", "InvalidSpecError", "ComparisonError", "SyncError", "UnknownError")


def replaced(
    app: Json, found: Mapping[str, list[str]], evaluated: Iterable[str], now: str
) -> list[Json] | None:
    """The conditions after those of the `evaluated` types became `found`; None for no condition."""
    types = frozenset(evaluated)
    old: list[Json] = app["status"].get("conditions") or []
    times = {(each["type"], each["message"]): each["lastTransitionTime"] for each in old}
    kept = [each for each in old if each["type"] not in types]
    new = [
        {
            "type": kind,
            "message": message,
            "lastTransitionTime": times.get((kind, message), now),
        }
        for kind, messages in found.items()
        for message in messages
    ]
    return [*kept, *new] or None


def errors(app: Json) -> list[Json]:
    """The conditions that are errors."""
    return [each for each in app["status"].get("conditions") or () if each["type"] in ERRORS]


def text(conditions: Iterable[Json]) -> str:
    """How Argo CD puts several conditions into one message."""
    return ";".join(f"{each['type']}: {each['message']}" for each in conditions)
