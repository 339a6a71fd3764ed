"""The Date header of an answer: when the vendor gave it, by its own clock."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def http_date(text: str) -> datetime | None:
    """In UTC; None: there is none, or it is not of the documented form (RFC 9110, 5.6.7)."""
    try:
        found = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
