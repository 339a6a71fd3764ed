"""From an Application's source to manifests: the part of Argo CD that is the repo server."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Protocol

from qbot.sandbox.argocd.charts import render
from qbot.sandbox.argocd.manifests import Manifest
from qbot.sandbox.argocd.objects import Json, name_of
from qbot.sandbox.argocd.templates import ChartError

_KEEP = 8192


class Repository(Protocol):
    """A git repository, as GitLab's stand-in keeps it."""

    def resolve(self, revision: str) -> str | None:
        """A revision's commit, None if it means nothing there."""

    def files(self, sha: str, folder: str) -> dict[str, str]:
        """The text files of a commit below a folder, by path relative to it."""


class Repositories(Protocol):
    """All repositories."""

    def find(self, url: str) -> Repository | None:
        """The repository with this clone URL."""


class SourceError(Exception):
    """The source cannot be read or rendered; the message is the repo server's."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a source comes to at one commit."""

    sha: str
    manifests: tuple[Manifest, ...]


class Sources:
    """Resolves and renders; the newest results are kept."""

    def __init__(self, repositories: Repositories) -> None:
        self._repositories = repositories
        self._cache: OrderedDict[str, Rendered] = OrderedDict()

    def reachable(self, source: Json) -> bool:
        """Whether there is a repository at the source's URL."""
        return self._repositories.find(source.get("repoURL", "")) is not None

    def resolve(self, source: Json, revision: str) -> str:
        """The commit of a revision.

        Raises:
            SourceError: no such repository or revision.
        """
        url = source.get("repoURL", "")
        repository = self._repositories.find(url)
        if repository is None:
            raise SourceError(
                f"failed to list refs: authentication required: Repository not found ({url})"
            )
        sha = repository.resolve(revision or "HEAD")
        if sha is None:
            raise SourceError(f"unable to resolve '{revision}' to a commit SHA")
        return sha

    def load(self, app: Json, revision: str = "") -> Rendered:
        """The manifests of an Application at a revision (its targetRevision if empty).

        Raises:
            SourceError: no such repository, revision or chart, or a chart that fails.
        """
        source, name = app["spec"].get("source") or {}, name_of(app)
        sha = self.resolve(source, revision or source.get("targetRevision", ""))
        namespace = app["spec"]["destination"].get("namespace", "")
        helm = source.get("helm") or {}
        key = repr((source.get("repoURL"), sha, source.get("path"), helm, name, namespace))
        if found := self._cache.get(key):
            self._cache.move_to_end(key)
            return found
        rendered = Rendered(sha, self._render(source, sha, name, namespace))
        self._cache[key] = rendered
        if len(self._cache) > _KEEP:
            self._cache.popitem(last=False)
        return rendered

    def _render(self, source: Json, sha: str, name: str, namespace: str) -> tuple[Manifest, ...]:
        repository = self._repositories.find(source["repoURL"])
        path, helm = source.get("path", ""), source.get("helm") or {}
        files = repository.files(sha, "" if path == "." else path) if repository else {}
        if not files:
            raise SourceError(f"{path}: app path does not exist")
        try:
            return render(files, helm, app=name, namespace=namespace)
        except ChartError as error:
            release = helm.get("releaseName") or name
            message = f"`helm template . --name-template {release} --namespace {namespace}` failed"
            raise SourceError(f"Manifest generation error: {message}: {error}") from None
