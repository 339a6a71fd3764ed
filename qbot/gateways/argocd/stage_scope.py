"""Which of Argo CD's Applications are a stage's, and what is kept of each."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from qbot.domain.health import AppState
from qbot.domain.names import AppName, EnvId, ServiceName
from qbot.domain.release_ports import StageApp
from qbot.domain.stages import Stage
from qbot.gateways.argocd.client import Query
from qbot.gateways.argocd.labels import MANAGED
from qbot.gateways.argocd.sources import SOURCES, is_in, source_of
from qbot.gateways.argocd.states import LISTED, WATCHED, state

NOBODY = EnvId("")
"""In the place of an environment: a stage's Applications belong to none."""

_FOREIGN = f"!{MANAGED}"  # a branch environment's Application is never a stage's


@dataclass(frozen=True, slots=True, kw_only=True)
class StageState(AppState):
    """A state with what stages need besides."""

    project: str
    images: tuple[str, ...] = ()
    since: datetime | None = None
    strays: bool = False
    prunes: bool = False  # whether its own automated syncs do

    @property
    def app(self) -> StageApp:
        """As the port tells it."""
        return StageApp(self, self.images, self.since, self.strays)


class StageScope:
    """One stage.

    Args:
        stage: with a pattern of names or a selector.
        projects: with a pattern: the AppProjects that its Applications were seen in, as a name
            cannot be selected by.
    """

    def __init__(self, stage: Stage, projects: Iterable[str] = ()) -> None:
        by = stage.applications
        self.projects = tuple(sorted(projects)) if not by.selector else ()
        self.name = " ".join(["stage", stage.name, *self.projects])
        self.watched = (
            *WATCHED,
            *SOURCES,
            "spec.source.repoURL",
            "status.summary.images",
            "status.history.deployedAt",
        )
        self.listed = (*LISTED, "status.summary")
        self._config = stage.config.project
        self._label = by.label
        self._services = frozenset(stage.services)
        self._names = {} if by.selector else {stage.app(s): s for s in stage.services}
        self._selector = f"{by.selector},{_FOREIGN}" if by.selector else _FOREIGN

    @property
    def query(self) -> Query:
        """By labels, and by AppProject where those are known."""
        found: dict[str, str | tuple[str, ...]] = {"selector": self._selector}
        if self.projects:
            found["projects"] = self.projects
        return found

    def query_of(self, _: Collection[EnvId], /) -> Query:
        """All of it: a stage is one place."""
        return self.query

    def read(self, app: Mapping[str, Any]) -> StageState | None:
        """One of its Applications; None: it is not one."""
        seen = state(app, self._config)
        service = self._service(app, seen.name)
        if service is None:
            return None
        facts = {f.name: getattr(seen, f.name) for f in fields(seen)}
        facts |= {"env": NOBODY, "service": service}
        status = app.get("status") or {}
        return StageState(
            **facts,
            strays=self._strays(app),
            prunes=_prunes(app.get("spec") or {}),
            project=str((app.get("spec") or {}).get("project") or ""),
            images=tuple((status.get("summary") or {}).get("images") or ()),
            since=_since(status.get("history") or ()),
        )

    def project(self, seen: AppState) -> str:
        """As its spec says."""
        return seen.project if isinstance(seen, StageState) else ""

    def _strays(self, app: Mapping[str, Any]) -> bool:
        """Whether it has a source, and none in the configuration repository."""
        spec = app.get("spec") or {}
        source = source_of(spec, self._config).spec
        known = spec.get("source") or spec.get("sources")
        return bool(known) and not is_in(source, self._config)

    def _service(self, app: Mapping[str, Any], name: AppName) -> ServiceName | None:
        labels = (app.get("metadata") or {}).get("labels") or {}
        if labels.get(MANAGED) == "true":
            return None
        if self._names:
            return self._names.get(name)
        service = ServiceName(str(labels.get(self._label) or ""))
        return service if service in self._services else None


def _prunes(spec: Mapping[str, Any]) -> bool:
    automated = (spec.get("syncPolicy") or {}).get("automated") or {}
    return bool(automated.get("prune"))


def _since(history: Iterable[Mapping[str, Any]]) -> datetime | None:
    """When the newest entry, the last one, was deployed."""
    *_, last = (None, *(entry.get("deployedAt") for entry in history))
    return datetime.fromisoformat(last) if last else None
