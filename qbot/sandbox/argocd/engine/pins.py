"""What a person decided about an Application: its health, and how a hook of it ends."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Pin:
    """A state that is kept until the pin is taken away."""

    status: str
    message: str = ""


@dataclass(slots=True)
class Pins:
    """All pins; they may be set before the Application exists."""

    _health: dict[str, Pin] = field(default_factory=dict)
    _hooks: dict[str, dict[str, Pin]] = field(default_factory=dict)

    def health(self, app: str) -> Pin | None:
        """The health that the Application is pinned to."""
        return self._health.get(app)

    def hook(self, app: str, job: str) -> Pin | None:
        """How a hook ends; `db-migrate` also means `<release>-db-migrate`."""
        for name, pin in self._hooks.get(app, {}).items():
            if job == name or job.endswith(f"-{name}"):
                return pin
        return None

    def pin_health(self, app: str, pin: Pin) -> None:
        """Keep the Application's health."""
        self._health[app] = pin

    def pin_hook(self, app: str, job: str, pin: Pin | None) -> None:
        """Make a hook fail or hang; None lets it go its way again."""
        hooks = self._hooks.setdefault(app, {})
        hooks.pop(job, None)
        if pin:
            hooks[job] = pin

    def free(self, app: str) -> None:
        """Take every pin of the Application away."""
        self._health.pop(app, None)
        self._hooks.pop(app, None)

    def clear(self) -> None:
        """Take all pins away."""
        self._health.clear()
        self._hooks.clear()
