"""Roles: who has one is said by user groups in Slack, by groups in GitLab, or by name."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RoleSource:
    """Where one role's holders come from; any of them gives it."""

    slack: tuple[str, ...] = ()  # user groups, by id or handle
    gitlab: tuple[str, ...] = ()  # full paths of groups; Developer and above count
    people: tuple[str, ...] = ()  # Slack user ids
