"""Which Applications one stream of the live view is about, and how they are read."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from qbot.domain.health import AppState
from qbot.domain.names import EnvId
from qbot.gateways.argocd.client import Query
from qbot.gateways.argocd.labels import envs_selector, shard_selector
from qbot.gateways.argocd.states import LISTED, WATCHED, state


class Scope(Protocol):
    """What a stream and the lists that check it ask for."""

    @property
    def name(self) -> str:
        """Unique among the scopes of one Argo CD; for logs, too."""

    @property
    def query(self) -> Query:
        """Narrows lists and streams down at the server."""

    @property
    def watched(self) -> tuple[str, ...]:
        """The paths of an Application that the stream is asked for."""

    @property
    def listed(self) -> tuple[str, ...]:
        """The paths that a list is asked for."""

    def query_of(self, envs: Collection[EnvId], /) -> Query:
        """Narrows lists down to these environments."""

    def read(self, app: Mapping[str, Any]) -> AppState | None:
        """One Application, cut down to these paths or whole; None: the scope has it not."""

    def project(self, seen: AppState) -> str:
        """The AppProject of an Application that `read` has answered."""


@dataclass(frozen=True, slots=True)
class EnvironmentsScope:
    """One sixteenth of the branch environments."""

    shard: int

    @property
    def name(self) -> str:
        """For logs."""
        return f"shard {self.shard}"

    @property
    def query(self) -> Query:
        """By Qbot's own labels."""
        return {"selector": shard_selector(self.shard)}

    @property
    def watched(self) -> tuple[str, ...]:
        """What a state consists of."""
        return WATCHED

    @property
    def listed(self) -> tuple[str, ...]:
        """The part of it that a list can tell."""
        return LISTED

    def query_of(self, envs: Collection[EnvId]) -> Query:
        """A sixteenth of thousands would be dear."""
        return {"selector": envs_selector(sorted(envs))}

    def read(self, app: Mapping[str, Any]) -> AppState | None:
        """The selector lets nothing else through."""
        return state(app)

    def project(self, seen: AppState) -> str:
        """From the name of an Application in it."""
        return seen.name.removesuffix(f"-{seen.service}")
