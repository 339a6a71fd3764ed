"""The rows of a card: the services that need somebody's eye, worst first."""

from collections.abc import Sequence

from qbot.domain.names import EnvName, app_name
from qbot.domain.progress import UNDER_WAY, ServiceProgress, Stage
from qbot.render.escape import link, prose
from qbot.render.style import Style
from qbot.render.words import NOT_READY, STAGES, stage_phrase

ROWS = 10
_RANK = {
    Stage.FAILED: 0,
    Stage.LEFT: 0,
    Stage.BUILD_FAILED: 1,
    Stage.FALTERING: 2,
    Stage.RETRYING: 2,
    Stage.BUILDING: 3,
}
_REST = max(_RANK.values()) + 1
_UNKNOWN = ":white_circle:"
_BUILDS = frozenset({Stage.BUILDING, Stage.BUILD_FAILED})
_BAD = frozenset({Stage.FAILED, Stage.BUILD_FAILED})


def failed(services: Sequence[ServiceProgress]) -> list[ServiceProgress]:
    """Services that will not get there by themselves."""
    return sorted((s for s in services if s.stage in _BAD), key=_order)


def needing(services: Sequence[ServiceProgress], *, ended: bool) -> list[ServiceProgress]:
    """Services with something to say: broken ones, builds, and those that name what they wait for.

    Once the operation has `ended`, everything that did not get there.
    """
    done = {Stage.READY, Stage.GONE, Stage.PLANNED}
    chosen = [
        s for s in services if s.stage in _RANK or (s.stage not in done and (s.reason or ended))
    ]
    return sorted(chosen, key=_order)


def _order(service: ServiceProgress) -> tuple[int, int]:
    """Alike ones stay in the order of the configuration."""
    return (_RANK.get(service.stage, _REST), service.wave)


def row(
    service: ServiceProgress, style: Style, env: EnvName | None = None, *, ended: bool = False
) -> str:
    """One line: sign, name, state in a word, reason, and the way to what is broken in `env`.

    Once the operation has `ended`, nobody knows any more what is on its way.
    """
    sign, phrase = STAGES[service.stage][1], stage_phrase(service.stage)
    if ended and service.stage in UNDER_WAY:
        sign, phrase = _UNKNOWN, NOT_READY
    line = f"{sign} *{prose(service.service, 40)}* {phrase}"
    reason = service.reason
    if service.stage is Stage.FAILED:  # once is enough
        reason = reason.removeprefix("Sync failed: ")
    if reason:
        line += f": {prose(reason, 200)}"
    if service.url and service.stage in _BUILDS:
        line += _way(service.url, "pipeline", style)
    elif env and service.stage is Stage.FAILED:
        line += _way(style.application(app_name(env, service.service)), "Argo CD", style)
    return line


def _way(url: str, label: str, style: Style) -> str:
    """A link in brackets, where it is allowed."""
    shown = link(url, label, style.hosts)
    return f" ({shown})" if shown != label else ""


def attention(
    services: Sequence[ServiceProgress],
    style: Style,
    *,
    ended: bool,
    most: int = ROWS,
    env: EnvName | None = None,
) -> list[str]:
    """At most `most` rows, and one line for those that are left out."""
    chosen = needing(services, ended=ended)
    lines = [row(s, style, env, ended=ended) for s in chosen[:most]]
    if len(chosen) > most:
        lines.append(f"and {len(chosen) - most} more, see Details")
    return lines
