"""When a failed sync is tried again.

Source: Argo CD `pkg/apis/application/v1alpha1/types.go` (RetryStrategy.NextRetryAt).
"""

import re

from qbot.sandbox.argocd.objects import Json

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?)(ms|s|m|h)")


def seconds(duration: str) -> float:
    """A Go duration such as `1m30s`, or a bare number of seconds."""
    if duration.isdigit():
        return float(duration)
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(duration))


def allowed(retry: Json, done: int) -> bool:
    """Whether one more try is allowed after `done` retries; a negative limit is none."""
    limit = retry.get("limit", 0)
    return bool(limit < 0 or done < limit)


def pause(retry: Json, done: int) -> float:
    """Seconds to wait after `done` retries."""
    backoff = retry.get("backoff") or {}
    first = seconds(backoff.get("duration") or "5s")
    most = seconds(backoff.get("maxDuration") or "3m")
    return float(min(first * (backoff.get("factor") or 2) ** done, most))
