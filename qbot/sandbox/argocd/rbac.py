"""Casbin policies as `argocd-rbac-cm` holds them: policy.csv parsed, globs evaluated."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

POLICY = """\
p, role:qbot, projects, get,    qbot-*, allow
p, role:qbot, projects, create, qbot-*, allow
p, role:qbot, projects, update, qbot-*, allow
p, role:qbot, projects, delete, qbot-*, allow
p, role:qbot, applications, get,    qbot-*/*, allow
p, role:qbot, applications, create, qbot-*/*, allow
p, role:qbot, applications, update, qbot-*/*, allow
p, role:qbot, applications, delete, qbot-*/*, allow
p, role:qbot, applications, sync,   qbot-*/*, allow
p, role:qbot, applications, get,  staging/*, allow
p, role:qbot, applications, sync, staging/*, allow
p, role:qbot, logs,         get,  staging/*, allow
p, role:qbot, applications, get,  production/*, allow
p, role:qbot, applications, sync, production/*, allow
p, role:qbot, logs,         get,  production/*, allow
g, qbot, role:qbot
"""
RESOURCES = frozenset(
    {
        "accounts", "applications", "applicationsets", "certificates", "clusters", "exec",
        "extensions", "gpgkeys", "logs", "projects", "repositories", "write-repositories",
    }
)  # fmt: skip
ACTIONS = frozenset(
    {"action", "create", "delete", "get", "invoke", "override", "sync", "update"},
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One `p` line."""

    subject: str
    resource: str
    action: str
    object: str
    allow: bool


class Policy:
    """All the lines of one policy.csv."""

    def __init__(self, rules: Iterable[Rule], roles: dict[str, frozenset[str]]) -> None:
        self._rules = tuple(rules)
        self._roles = roles

    @classmethod
    def parse(cls, text: str) -> "Policy":
        """Read policy.csv.

        Raises:
            ValueError: a line that is neither `p` with five fields nor `g` with two.
        """
        rules: list[Rule] = []
        roles: dict[str, frozenset[str]] = {}
        for line in text.splitlines():
            fields = [field.strip() for field in line.split("#")[0].split(",")]
            match fields:
                case [""]:
                    continue
                case ["p", subject, resource, action, thing, effect]:
                    rules.append(Rule(subject, resource, action, thing, effect == "allow"))
                case ["g", member, role]:
                    roles[member] = roles.get(member, frozenset()) | {role}
                case _:
                    raise ValueError(f"not a policy line: {line}")
        return cls(rules, roles)

    def allows(self, subject: str, resource: str, action: str, thing: str) -> bool:
        """Whether some rule allows it and none denies it."""
        subjects = {subject} | self._roles.get(subject, frozenset())
        effects = [
            rule.allow
            for rule in self._rules
            if rule.subject in subjects
            and glob(rule.resource).fullmatch(resource)
            and glob(rule.action).fullmatch(action)
            and glob(rule.object).fullmatch(thing)
        ]
        return bool(effects) and all(effects)


@lru_cache(maxsize=1024)
def glob(pattern: str) -> re.Pattern[str]:
    """A glob without separators: `*` crosses `/` too, as Argo CD's matcher does."""
    parts = {"*": ".*", "?": "."}
    return re.compile("".join(parts.get(c) or re.escape(c) for c in pattern), re.DOTALL)
