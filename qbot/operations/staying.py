"""Services whose wanted commit has no build: they stay at the version before, and how that is."""

from dataclasses import replace

from qbot.domain.health import AppState, Ready, verdict
from qbot.domain.progress import ServiceProgress, Stage

UNBUILT = (Stage.BUILDING, Stage.BUILD_FAILED)


def staying(row: ServiceProgress, state: AppState | None) -> ServiceProgress:
    """The row of a service without a build, with what its Application does meanwhile."""
    if state is None or state.deleting or not state.wanted:
        return row
    version = state.wanted[:8]
    found = verdict(state, wanted="", since=None)
    if isinstance(found, Ready):
        said, stays = f"It stays at {version} and is ready there.", version
    else:
        said, stays = f"It stays at {version}, which is not ready: {found.reason}", ""
    return replace(row, sync=state.sync, health=state.health, reason=said, stays=stays)
