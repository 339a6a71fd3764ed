"""What the parts of the engine share."""

from dataclasses import dataclass, field
from typing import Protocol

from qbot.sandbox.argocd.engine.cluster import Cluster
from qbot.sandbox.argocd.engine.journal import Journal
from qbot.sandbox.argocd.engine.pins import Pins
from qbot.sandbox.argocd.engine.sources import Sources
from qbot.sandbox.argocd.shelves import Shelf
from qbot.sandbox.kernel import Kernel


class Queue(Protocol):
    """Where an Application's name waits for a worker."""

    def add(self, key: str) -> None:
        """Have it worked on soon."""

    def add_after(self, key: str, seconds: float) -> None:
        """Have it worked on when that much work time has passed."""


@dataclass(slots=True)
class Parts:
    """The world as the status and operation processors see it."""

    kernel: Kernel
    applications: Shelf
    projects: Shelf
    sources: Sources
    cluster: Cluster
    pins: Pins
    journal: Journal
    refreshes: Queue = field(init=False)
    operations: Queue = field(init=False)
