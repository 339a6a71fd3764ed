"""Trouble on demand: which requests of a vendor should go wrong, how, and how often."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

KINDS = frozenset(
    {
        "429", "500", "503", "html", "401", "403", "404", "drop-before", "drop-after",
        "hang", "partial", "cut-stream", "duplicate", "empty-list", "half-list", "lose", "swap",
    }
)  # fmt: skip
DELIVER = "DELIVER "
VENDORS = frozenset({"slack", "gitlab", "argocd"})


@dataclass(slots=True)
class Fault:
    """One order: the next `times` requests that match go wrong in this way."""

    vendor: str
    match: str  # part of "METHOD /path"
    kind: str
    times: int
    seconds: float = 0.0  # for slow

    def told(self) -> dict[str, Any]:
        """The order as it would be given anew for what is left of it."""
        kind = f"{self.kind}:{self.seconds:g}" if self.kind == "slow" else self.kind
        return {"vendor": self.vendor, "match": self.match, "kind": kind, "times": self.times}


class Faults:
    """The orders not used up yet, oldest first; `changed` is called when there are others."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._faults: list[Fault] = []
        self._changed = changed
        self._deliveries: dict[str, tuple[str, ...]] = {}

    def deliver(self, vendor: str, kinds: tuple[str, ...]) -> None:
        """What can go wrong where a vendor delivers something ("DELIVER ...")."""
        self._deliveries[vendor] = kinds

    def add(self, vendor: str, match: str, kind: str, times: int) -> Fault:
        """Order a fault; none at all calls off what is left of the same order.

        Raises:
            ValueError: an unknown vendor or kind, one that cannot happen to what is delivered,
                or `times` below zero.
        """
        name, _, seconds = kind.partition(":")
        if vendor not in VENDORS:
            msg = f"vendor must be one of {sorted(VENDORS)}"
            raise ValueError(msg)
        if name not in KINDS | {"slow"} or (name == "slow") != bool(seconds):
            msg = f"kind must be one of {sorted(KINDS)} or slow:SECONDS"
            raise ValueError(msg)
        ways = self._deliveries.get(vendor, ())
        if match.startswith(DELIVER) and name not in ways:
            msg = f"what {vendor} delivers can only go wrong as one of {sorted(ways)}"
            raise ValueError(msg)
        if times < 0:
            msg = "times must not be negative"
            raise ValueError(msg)
        fault = Fault(vendor, match, name, times, float(seconds or 0))
        if times:
            self._faults.append(fault)
        else:
            self._faults = [f for f in self._faults if not _same(f, fault)]
        self._changed()
        return fault

    def take(self, vendor: str, request: str, *kinds: str) -> Fault | None:
        """Use up one fault for this request ("METHOD /path"); only of `kinds` if given."""
        for fault in self._faults:
            if fault.vendor != vendor or fault.match not in request:
                continue
            if kinds and fault.kind not in kinds:
                continue
            fault.times -= 1
            if not fault.times:
                self._faults.remove(fault)
            self._changed()
            return fault
        return None

    def clear(self) -> None:
        """Call everything off."""
        self._faults.clear()
        self._changed()

    def left(self) -> list[Fault]:
        """What is still to come, oldest first."""
        return list(self._faults)


def _same(one: Fault, other: Fault) -> bool:
    return (one.vendor, one.match, one.kind) == (other.vendor, other.match, other.kind)
