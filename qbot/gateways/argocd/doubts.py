"""Where a list and the stream say different things: of that, the truth is asked for."""

from collections.abc import Mapping
from dataclasses import replace

from qbot.domain.health import AppState
from qbot.gateways.argocd.table import Key


def doubted(
    before: Mapping[Key, AppState], listed: Mapping[Key, AppState], now: Mapping[Key, AppState]
) -> dict[Key, AppState]:
    """What the list and the stream disagree about, without news since the list was asked for."""
    found = {key: was for key, was in before.items() if key not in listed and now.get(key) is was}
    for key, seen in listed.items():
        known = now.get(key)
        if known is None:
            found[key] = seen
        elif known.version == 0 or (before.get(key) is known and _differ(known, seen)):
            found[key] = known
    return found


def _differ(known: AppState, seen: AppState) -> bool:
    """Lists cannot be asked for the commits of an Application with several sources."""
    told = seen if seen.revision else replace(seen, revision=known.revision)
    return _gist(known) != _gist(told)


def _gist(app: AppState) -> AppState:
    """The part of a state that the list tells too."""
    return AppState(
        name=app.name,
        env=app.env,
        service=app.service,
        version=0,
        sync=app.sync,
        revision=app.revision,
        health=app.health,
        phase=app.phase,
        finished_at=app.finished_at,
        deleting=app.deleting,
    )
