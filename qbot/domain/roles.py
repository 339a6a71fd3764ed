"""Roles, as qbot.yaml says who has them. Who that is at this moment, the port `People` knows."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Role:
    """Whoever is in any of these has it."""

    name: str
    slack: tuple[str, ...] = ()  # user groups: ids or handles
    gitlab: tuple[str, ...] = ()  # groups by full path, Developer and above
    people: tuple[str, ...] = ()  # Slack user ids
