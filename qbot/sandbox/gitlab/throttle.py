"""The outer rate limit, counted per token in fixed windows of a minute."""

from datetime import UTC, datetime

_WINDOW = 60


class Throttle:
    """Counts requests and says what the headers say. A 304 counts like any other."""

    def __init__(self, per_minute: int | None) -> None:
        self.per_minute = per_minute
        self._windows: dict[str, tuple[int, int]] = {}  # token -> window, requests in it

    def count(self, secret: str, now: float) -> tuple[bool, dict[str, str]]:
        """Count one request at `now` (unix seconds): whether it may pass, and the headers."""
        if self.per_minute is None:
            return True, {}
        window = int(now) // _WINDOW
        last, seen = self._windows.get(secret, (window, 0))
        seen = seen + 1 if last == window else 1
        self._windows[secret] = (window, seen)
        reset = (window + 1) * _WINDOW
        headers = {
            "RateLimit-Limit": str(self.per_minute),
            "RateLimit-Name": "throttle_authenticated_api",
            "RateLimit-Observed": str(seen),
            "RateLimit-Remaining": str(max(0, self.per_minute - seen)),
            "RateLimit-Reset": str(reset),
        }
        if seen <= self.per_minute:
            return True, headers
        at = datetime.fromtimestamp(reset, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
        left = max(1, reset - int(now))
        return False, headers | {"RateLimit-ResetTime": at, "Retry-After": str(left)}
