"""When an environment counts as idle. Pure."""

from datetime import datetime, timedelta


def idle(last_used: datetime, *, now: datetime, after: timedelta) -> bool:
    """Whether nobody has used it for `after` or longer."""
    return now - last_used >= after
