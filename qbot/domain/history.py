"""What was done to an environment: operations as people read them. Holds facts, no wording."""

from dataclasses import dataclass
from datetime import datetime

from qbot.domain.people import Actor
from qbot.domain.progress import End, Kind


@dataclass(frozen=True, slots=True)
class Entry:
    """One operation, or one promotion out of the environment. Texts are outside text."""

    kind: Kind
    actor: Actor
    at: datetime  # when it was asked for
    what: str = ""  # services and refs, a job's name, or `P-12 to production`
    end: End | None = None
    ended_at: datetime | None = None
    headline: str = ""  # why it ended so
    url: str = ""  # Slack's own link to its card
