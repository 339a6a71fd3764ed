"""Which source of an Application counts: of several, the one in the configuration repository.

With `spec.sources` Argo CD ignores `spec.source`, and fills `revisions`, in the order of the
sources, in the place of `revision`. Source: `pkg/apis/application/v1alpha1/types.go`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qbot.domain.names import ProjectPath

SOURCES = ("spec.sources", "status.sync.revisions", "status.operationState.syncResult.revisions")
"""What is read here of an Application with several, beside what is read of any."""


@dataclass(frozen=True, slots=True)
class Source:
    """One of an Application's."""

    spec: Mapping[str, Any]
    position: int | None = None  # None: it is the only one

    def revision(self, told: Mapping[str, Any]) -> str:
        """Its commit in `status.sync` or in a `syncResult`; empty: not known."""
        if self.position is None:
            return str(told.get("revision") or "")
        every = told.get("revisions") or ()
        return str(every[self.position] or "") if self.position < len(every) else ""


def source_of(spec: Mapping[str, Any], config: ProjectPath | None = None) -> Source:
    """The only one, or of several the first that is in `config`; an empty one if none is."""
    several = spec.get("sources") or ()
    if not several:
        return Source(spec.get("source") or {})
    for position, each in enumerate(several):
        if config is not None and is_in(each, config):
            return Source(each, position)
    return Source({}, len(several))


def is_in(source: Mapping[str, Any], project: ProjectPath) -> bool:
    """Whether a source is in a project of GitLab, by HTTPS or SSH, whatever the host is called."""
    path = re.sub(r"\.git$", "", str(source.get("repoURL") or "").rstrip("/")).lower()
    return re.split(r"[:/]", path)[-project.count("/") - 1 :] == project.lower().split("/")
