"""What a card shows from the end on, whatever the operation was about."""

from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from qbot.domain.progress import End, Step
from qbot.domain.release import Shown

S = TypeVar("S", bound=Shown)


def closed(shown: S, end: End, headline: str, at: datetime) -> S:
    """The last progress: true as of `at`, with nothing under way any more.

    Its work began when it did before: of a promotion that only its step tells.
    """
    return replace(
        shown,
        begun_at=shown.worked_from,
        step=Step.ENDED,
        end=end,
        ended_at=at,
        updated_at=at,
        headline=headline,
        trouble="",
        trouble_since=None,
    )
