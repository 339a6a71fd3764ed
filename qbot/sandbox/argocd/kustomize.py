"""Kustomize: from a folder with a kustomization to manifests.

As much of it as configuration repositories of stages use: `resources` (files of the folder, and
other folders with a kustomization), `images` and `namespace`. Any other field is an error.
Source: kustomize `api/internal/target`, `api/filters/imagetag`, `api/types/kustomization.go`.
"""

import posixpath
from collections.abc import Callable, Iterator
from typing import Any

from qbot.sandbox.argocd.manifests import CLUSTER_WIDE, Manifest, manifest
from qbot.sandbox.argocd.objects import Json
from qbot.sandbox.argocd.templates import ChartError, parse

Read = Callable[[str], str | None]  # the text at a path of the repository, None without one
FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_FIELDS = frozenset({"apiVersion", "kind", "resources", "images", "namespace"})
_IMAGE_FIELDS = frozenset({"name", "newName", "newTag", "digest"})
_CONTAINERS = ("containers", "initContainers")


def build(read: Read, folder: str, namespace: str) -> tuple[Manifest, ...]:
    """The manifests of the kustomization in a folder, in the order of its resources.

    Args:
        read: gives the repository's files.
        folder: the folder's path in the repository.
        namespace: where namespaced objects without a namespace go.

    Raises:
        ChartError: no kustomization there, a field that is not known, a resource that is missing.
    """
    found = [manifest(path, body, namespace) for path, body in _accumulated(read, folder, ())]
    seen = set()
    for each in found:
        if each.key in seen:
            what = f"{each.kind}.{each.version}.{each.group or '[noGrp]'}/{each.name}"
            raise ChartError(f"may not add resource with an already registered id: {what}")
        seen.add(each.key)
    return tuple(found)


def _accumulated(read: Read, folder: str, below: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """Path and body of each object; `below` are the folders that led here."""
    if folder in below:
        raise ChartError(f"accumulating resources: cycle detected: candidate root '{folder}'")
    wanted = _kustomization(read, folder)
    images = [_checked_image(each) for each in _list(wanted, "images")]
    namespace = wanted.get("namespace") or ""
    for resource in _list(wanted, "resources"):
        for path, body in _resource(read, folder, str(resource), (*below, folder)):
            yield path, _in_namespace(_with_images(body, images), namespace)


def _kustomization(read: Read, folder: str) -> Json:
    texts = {name: read(posixpath.join(folder, name)) for name in FILES}
    there = [name for name, text in texts.items() if text is not None]
    if not there:
        names = "'kustomization.yaml', 'kustomization.yml' or 'Kustomization'"
        raise ChartError(f"unable to find one of {names} in directory '{folder}'")
    if len(there) > 1:
        raise ChartError(f"Found multiple kustomization files under: {folder}")
    path = posixpath.join(folder, there[0])
    documents = parse(path, texts[there[0]] or "")
    if len(documents) != 1 or not isinstance(documents[0], dict):
        raise ChartError(f"invalid Kustomization: {path}: kustomization.yaml is empty")
    found: Json = documents[0]
    if unknown := sorted(found.keys() - _FIELDS):
        raise ChartError(f'invalid Kustomization: json: unknown field "{unknown[0]}"')
    return found


def _resource(
    read: Read, folder: str, resource: str, below: tuple[str, ...]
) -> Iterator[tuple[str, Any]]:
    path = posixpath.normpath(posixpath.join(folder, resource))
    text = None if path.startswith("..") else read(path)
    if text is None:
        if path.startswith("..") or not any(read(posixpath.join(path, name)) for name in FILES):
            cause = f"accumulating resources from '{resource}': no such file or directory"
            raise ChartError(f"accumulating resources: accumulation err='{cause}'")
        yield from _accumulated(read, path, below)
    elif not path.startswith(f"{folder}/"):
        cause = f"security; file '{path}' is not in or below '{folder}'"
        message = f"accumulating resources from '{resource}': {cause}"
        raise ChartError(f"accumulating resources: accumulation err='{message}'")
    else:
        yield from ((path, document) for document in parse(path, text))


def _list(wanted: Json, field: str) -> list[Any]:
    found = wanted.get(field) or []
    if not isinstance(found, list):
        raise ChartError(
            f"invalid Kustomization: json: cannot unmarshal into Go struct field"
            f" Kustomization.{field}"
        )
    return found


def _checked_image(image: Any) -> Json:
    """A tag that YAML reads as a number is refused, as kustomize does: it has to be quoted."""
    if not isinstance(image, dict):
        raise ChartError("invalid Kustomization: json: cannot unmarshal into type types.Image")
    for field, value in image.items():
        if field not in _IMAGE_FIELDS:
            raise ChartError(f'invalid Kustomization: json: unknown field "{field}"')
        if not isinstance(value, str):
            raise ChartError(
                f"invalid Kustomization: json: cannot unmarshal {type(value).__name__} into Go"
                f" struct field Image.images.{field} of type string"
            )
    return {"name": "", **image}


def _with_images(thing: Any, images: list[Json]) -> Any:
    """A copy of the object in which each container has its new image."""
    if isinstance(thing, list):
        return [_with_images(each, images) for each in thing]
    if not isinstance(thing, dict):
        return thing
    new = {key: _with_images(value, images) for key, value in thing.items()}
    for field in _CONTAINERS:
        for container in new.get(field) or ():
            if isinstance(container, dict) and isinstance(container.get("image"), str):
                container["image"] = _image(container["image"], images)
    return new


def _image(text: str, images: list[Json]) -> str:
    """The image after every entry that names it, one after the other."""
    for image in images:
        name, tag, digest = split_image(text)
        if name != image["name"]:
            continue
        if image.get("newTag") or image.get("digest"):
            tag, digest = image.get("newTag", ""), image.get("digest", "")
        text = image.get("newName") or name
        text += f":{tag}" if tag else ""
        text += f"@{digest}" if digest else ""
    return text


def split_image(text: str) -> tuple[str, str, str]:
    """Name (with registry), tag and digest; the last two may be empty."""
    rest, _, digest = text.partition("@")
    folder, slash, last = rest.rpartition("/")
    name, _, tag = last.partition(":")
    return f"{folder}{slash}{name}", tag, digest


def _in_namespace(body: Any, namespace: str) -> Any:
    metadata = body.get("metadata") if isinstance(body, dict) else None
    if not namespace or not isinstance(metadata, dict) or body.get("kind") in CLUSTER_WIDE:
        return body
    return {**body, "metadata": {**metadata, "namespace": namespace}}
