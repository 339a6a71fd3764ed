"""From an Application's source to manifests: the part of Argo CD that is the repo server."""

import posixpath
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from qbot.sandbox.argocd.charts import render
from qbot.sandbox.argocd.kustomize import FILES as KUSTOMIZATIONS
from qbot.sandbox.argocd.kustomize import Read, build
from qbot.sandbox.argocd.manifests import Manifest
from qbot.sandbox.argocd.objects import Json, name_of
from qbot.sandbox.argocd.templates import ChartError

HELM, KUSTOMIZE = "Helm", "Kustomize"
_KEEP = 8192
_NO_MANIFEST = "Manifest generation error (cached)"
_NO_TARGET = "Failed to load target state: failed to generate manifest for source 1 of 1"
_UNRESOLVED = "error resolving helm value files: error resolving value file path"


class Repository(Protocol):
    """A git repository, as GitLab's stand-in keeps it."""

    def resolve(self, revision: str) -> str | None:
        """A revision's commit, None if it means nothing there."""

    def files(self, sha: str, folder: str) -> dict[str, str]:
        """The text files of a commit below a folder, by path relative to it."""

    def read(self, sha: str, path: str) -> str | None:
        """The text of one file of a commit, None without one."""


class Repositories(Protocol):
    """All repositories."""

    def find(self, url: str) -> Repository | None:
        """The repository with this clone URL."""


class SourceError(Exception):
    """The source cannot be read or rendered; the message is the repo server's."""

    @property
    def told(self) -> str:
        """As the controller tells it."""
        return f"{_NO_TARGET}: rpc error: code = Unknown desc = {self}"


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a source comes to at one commit."""

    sha: str
    manifests: tuple[Manifest, ...]
    kind: str = HELM  # as in `status.sourceType`


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
        several, name = app["spec"].get("sources") or (), name_of(app)
        if several:
            return self._load_several(app, several, revision)
        source = app["spec"].get("source") or {}
        sha = self.resolve(source, revision or source.get("targetRevision", ""))
        namespace = app["spec"]["destination"].get("namespace", "")
        helm = source.get("helm") or {}
        key = repr((source.get("repoURL"), sha, source.get("path"), helm, name, namespace))
        if found := self._cache.get(key):
            self._cache.move_to_end(key)
            return found
        kind, manifests = self._render(source, sha, name, namespace, {})
        rendered = Rendered(sha, manifests, kind)
        self._cache[key] = rendered
        if len(self._cache) > _KEEP:
            self._cache.popitem(last=False)
        return rendered

    def _load_several(self, app: Json, several: list[Json], revision: str) -> Rendered:
        """The manifests of all; one with a `ref` lends its files to the value files of others."""
        given = revision.split(",") if revision else [s.get("targetRevision", "") for s in several]
        shas = [self.resolve(s, wanted) for s, wanted in zip(several, given, strict=True)]
        lent: dict[str, Read] = {}
        for source, sha in zip(several, shas, strict=True):
            repository = self._repositories.find(source["repoURL"])
            if source.get("ref") and repository is not None:
                lent[f"${source['ref']}/"] = partial(repository.read, sha)
        namespace, kind = app["spec"]["destination"].get("namespace", ""), HELM
        manifests: list[Manifest] = []
        for source, sha in zip(several, shas, strict=True):
            if source.get("path"):
                kind, found = self._render(source, sha, name_of(app), namespace, lent)
                manifests += found
        return Rendered(",".join(shas), tuple(manifests), kind)

    def _render(
        self, source: Json, sha: str, name: str, namespace: str, lent: Mapping[str, Read]
    ) -> tuple[str, tuple[Manifest, ...]]:
        repository = self._repositories.find(source["repoURL"])
        path = posixpath.normpath(source.get("path", ""))
        folder = "" if path == "." else path
        files = repository.files(sha, folder) if repository else {}
        if repository is None or not files:
            raise SourceError(f"{source.get('path', '')}: app path does not exist")
        read = partial(repository.read, sha)
        if _is_kustomization(source, files):
            return KUSTOMIZE, _kustomized(read, folder, namespace)
        outside = _value_files(read, folder, files, source, lent)
        return HELM, _templated(files, outside, source, name, namespace)


def _is_kustomization(source: Json, files: Mapping[str, str]) -> bool:
    """A `helm` block decides; without one, what lies in the folder."""
    if source.get("helm") or "Chart.yaml" in files:
        return False
    return any(name in files for name in KUSTOMIZATIONS)


def _kustomized(read: Read, folder: str, namespace: str) -> tuple[Manifest, ...]:
    try:
        return build(read, folder, namespace)
    except ChartError as error:
        message = f"`kustomize build {folder}` failed exit status 1: Error: {error}"
        raise SourceError(f"{_NO_MANIFEST}: {message}") from None


def _templated(
    files: Mapping[str, str], outside: Mapping[str, str], source: Json, name: str, namespace: str
) -> tuple[Manifest, ...]:
    helm = source.get("helm") or {}
    try:
        return render(files, helm, app=name, namespace=namespace, outside=outside)
    except ChartError as error:
        command = _command(helm, helm.get("releaseName") or name, namespace)
        message = f"failed to get command args to log: `{command}` failed exit status 1"
        why = f"failed to execute helm template command: {message}: Error: {error}"
        raise SourceError(f"{_NO_MANIFEST}: {why}") from None


def _command(helm: Json, release: str, namespace: str) -> str:
    """What the repo server runs, as its errors quote it."""
    values = [f"--values <path to cached source>/{name}" for name in helm.get("valueFiles", ())]
    given = [f"--set {p['name']}={p.get('value', '')}" for p in helm.get("parameters", ())]
    flags = f"--name-template {release} --namespace {namespace} --kube-version 1.31"
    removed = "<api versions removed> --include-crds"
    return " ".join(["helm template .", flags, *given, *values, removed])


def _value_files(
    read: Read, folder: str, files: Mapping[str, str], source: Json, lent: Mapping[str, Read]
) -> dict[str, str]:
    """The texts of value files that are not inside the chart, by the path that names them.

    A path is relative to the chart, to the repository if it starts with a slash, or to another
    source's if it starts with that one's `$ref/`; it may not lead out of the repository. A file
    that is missing is left out.
    """
    found: dict[str, str] = {}
    for name in (source.get("helm") or {}).get("valueFiles", ()):
        if name in files:
            continue
        ref = f"{name.partition('/')[0]}/"
        if ref in lent:
            if (text := lent[ref](name.removeprefix(ref))) is not None:
                found[name] = text
            continue
        if "://" in name:
            raise SourceError(f"{_UNRESOLVED}: the URL scheme is not allowed: '{name}'")
        path = name[1:] if name.startswith("/") else posixpath.join(folder, name)
        path = posixpath.normpath(path)
        if path.split("/")[0] == "..":
            raise SourceError(f"{_UNRESOLVED}: file '{name}' resolved to outside repository root")
        if (text := read(path)) is not None:
            found[name] = text
    return found
