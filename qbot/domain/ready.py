"""What an environment has to do besides being deployed, before it is called ready."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from qbot.domain.jobs import Job
from qbot.domain.names import EnvName
from qbot.domain.release_ports import JobRunner


@dataclass(frozen=True, slots=True)
class Answer:
    """What asking an address came to; `said` follows "its URL" and may hold outside text."""

    well: bool
    said: str


class Addresses(Protocol):
    """Asks addresses as a person's browser would."""

    async def ask(self, url: str, good: Collection[int]) -> Answer:
        """Ask once, for some seconds at most; whatever is wrong is in the answer.

        Args:
            url: of the installation's own hosts.
            good: statuses that count as an answer; none: every 2xx.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What is asked for, and who asks."""

    addresses: Addresses
    runner: JobRunner
    url: str = ""  # {env} is the environment's name; empty: none is asked
    good: frozenset[int] = frozenset()
    within: timedelta = timedelta(minutes=2)
    job: Job | None = None

    def url_of(self, env: EnvName) -> str:
        """What to ask of an environment; empty: nothing."""
        return self.url.replace("{env}", env)
