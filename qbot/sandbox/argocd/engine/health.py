"""From the health of resources to the health of the Application.

Source: Argo CD `controller/health.go`; gitops-engine `pkg/health`.
"""

from collections.abc import Iterable

ORDER = ("Healthy", "Suspended", "Progressing", "Missing", "Degraded", "Unknown")


def aggregate(statuses: Iterable[str]) -> str:
    """The worst of them; empty ones (kinds without health) are neutral.

    One resource that is missing does not make the Application Missing: only all do.
    """
    found = list(statuses)
    missing = sum(status == "Missing" for status in found)
    if missing and missing == len(found):
        return "Missing"
    rest = [status for status in found if status and status != "Missing"]
    return max(rest, key=ORDER.index, default="Healthy")
