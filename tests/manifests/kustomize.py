"""What `kustomize build` makes of a folder, for the few fields that manifests/ uses.

Any other field is an error: who uses one more has to teach it here, and where a real kustomize is
at hand a test holds the two equal.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

Json = dict[str, Any]
KEYS = frozenset(
    {
        "apiVersion", "kind", "namespace", "labels", "resources", "components",
        "configMapGenerator", "patches", "images",
    }
)  # fmt: skip
CLUSTER_WIDE = frozenset({"Namespace"})
MERGE_KEYS = {"containers": "name", "env": "name", "volumes": "name", "volumeMounts": "mountPath"}
KINDS = {
    "Kustomization": "kustomize.config.k8s.io/v1beta1",
    "Component": "kustomize.config.k8s.io/v1alpha1",
}


def documents(path: Path) -> list[Json]:
    """What a file of YAML holds."""
    return [each for each in YAML(typ="safe").load_all(path.read_text("utf-8")) if each]


@dataclass
class Piece:
    """One object on its way through the layers; `hashed`: its name gets its content's hash."""

    body: Json
    hashed: bool = False

    @property
    def identity(self) -> tuple[str, str]:
        return self.body["kind"], self.body["metadata"]["name"]


def build(folder: Path) -> list[Json]:
    """All objects, as they would be applied.

    Raises:
        ValueError: a field that this does not know, or a layer that does not fit.
    """
    pieces = _layer(folder, [])
    names: dict[str, str] = {}
    for piece in pieces:
        if piece.hashed:
            old = piece.identity[1]
            names[old] = piece.body["metadata"]["name"] = f"{old}-{_hash(piece.body)}"
    for piece in pieces:
        for reference in _config_maps(piece.body):
            reference["name"] = names.get(reference["name"], reference["name"])
    return [piece.body for piece in pieces]


def _layer(folder: Path, below: list[Piece]) -> list[Piece]:
    (wanted,) = documents(folder / "kustomization.yaml")
    _only(wanted, KEYS, folder)
    if wanted["apiVersion"] != KINDS.get(wanted["kind"]):
        raise ValueError(f"{folder}: {wanted['kind']} {wanted['apiVersion']}")
    pieces = list(below)
    for name in wanted.get("resources", ()):
        pieces += _resource(_inside(folder, name))
    for name in wanted.get("components", ()):
        pieces = _layer(_inside(folder, name), pieces)
    for generator in wanted.get("configMapGenerator", ()):
        _generate(folder, generator, pieces)
    for patch in wanted.get("patches", ()):
        _only(patch, {"path"}, folder)
        for change in documents(folder / patch["path"]):
            _patch(pieces, change)
    own = pieces if wanted["kind"] == "Kustomization" else pieces[len(below) :]
    _transform(own, wanted, folder)
    _distinct(pieces)
    return pieces


def _inside(folder: Path, name: str) -> Path:
    """Files come from the folder itself, as kustomize wants it; other folders may be anywhere."""
    path = (folder / name).resolve()
    if path.is_file() and folder.resolve() not in path.parents:
        raise ValueError(f"{path} is not in or below {folder}")
    return path


def _resource(path: Path) -> list[Piece]:
    return _layer(path, []) if path.is_dir() else [Piece(body) for body in documents(path)]


def _generate(folder: Path, asked: Json, pieces: list[Piece]) -> None:
    _only(asked, {"name", "files", "literals", "behavior", "options"}, folder)
    options = asked.get("options", {})
    _only(options, {"disableNameSuffixHash", "labels"}, folder)
    files = (_inside(folder, name) for name in asked.get("files", ()))
    data = {path.name: path.read_text("utf-8") for path in files}
    data |= dict(literal.split("=", 1) for literal in asked.get("literals", ()))
    found = [p for p in pieces if p.identity == ("ConfigMap", asked["name"])]
    match asked.get("behavior", "create"), found:
        case "create", []:
            meta: Json = {"name": asked["name"]}
            if "labels" in options:
                meta["labels"] = dict(options["labels"])
            body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}
            pieces.append(Piece(body, hashed=not options.get("disableNameSuffixHash", False)))
        case "merge", [piece]:
            piece.body["data"] |= data
        case behavior, _:
            raise ValueError(f"{folder}: {behavior} of ConfigMap {asked['name']}: {len(found)}")


def _patch(pieces: list[Piece], change: Json) -> None:
    meta = change["metadata"]
    (piece,) = (p for p in pieces if p.identity == (change["kind"], meta["name"]))
    piece.body = _merged(piece.body, change)


def _merged(old: Json, new: Json) -> Json:
    """A strategic merge; `null` takes a key away."""
    found = {key: value for key, value in old.items() if new.get(key, value) is not None}
    for key, value in new.items():
        if key.startswith("$"):
            raise ValueError(f"{key} is not known here")
        if isinstance(value, dict) and isinstance(found.get(key), dict):
            found[key] = _merged(found[key], value)
        elif isinstance(value, list) and key in MERGE_KEYS and key in found:
            found[key] = _merged_list(found[key], value, MERGE_KEYS[key])
        elif value is not None:
            found[key] = value
    return found


def _merged_list(old: list[Json], new: list[Json], by: str) -> list[Json]:
    """What is new goes first, as kustomize has it."""
    changes = {each[by]: each for each in new}
    known = {each[by] for each in old}
    kept = [_merged(each, changes.get(each[by], {})) for each in old]
    return [each for each in new if each[by] not in known] + kept


def _transform(pieces: list[Piece], wanted: Json, folder: Path) -> None:
    for label in wanted.get("labels", ()):
        _only(label, {"pairs"}, folder)
    for image in wanted.get("images", ()):
        _only(image, {"name", "newName", "newTag"}, folder)
    for piece in pieces:
        meta = piece.body["metadata"]
        if "namespace" in wanted and piece.body["kind"] not in CLUSTER_WIDE:
            meta["namespace"] = wanted["namespace"]
        elif "namespace" in wanted:
            meta["name"] = wanted["namespace"]
        for label in wanted.get("labels", ()):
            meta["labels"] = meta.get("labels", {}) | label["pairs"]
        for image in wanted.get("images", ()):
            for container in _pod(piece.body).get("containers", ()):
                name = container["image"].rpartition(":")[0] or container["image"]
                if name == image["name"]:
                    container["image"] = f"{image.get('newName', name)}:{image['newTag']}"


def _pod(body: Json) -> Json:
    found: Json = body["spec"]["template"]["spec"] if body["kind"] == "Deployment" else {}
    return found


def _config_maps(body: Json) -> Iterator[Json]:
    """Each place that names a ConfigMap."""
    pod = _pod(body)
    yield from (v["configMap"] for v in pod.get("volumes", ()) if "configMap" in v)
    for container in pod.get("containers", ()):
        yield from (e["configMapRef"] for e in container.get("envFrom", ()))


def _hash(body: Json) -> str:
    """Kustomize's (api/hasher): of the nameless object as Go writes JSON, in letters of its own."""
    content = {"kind": "ConfigMap", "name": "", "data": body["data"]}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    digest = hashlib.sha256(text.encode()).hexdigest()[:10]
    return digest.translate(str.maketrans("013ae", "ghkmt"))


def _distinct(pieces: list[Piece]) -> None:
    named = [piece.identity for piece in pieces]
    if twice := {each for each in named if named.count(each) > 1}:
        raise ValueError(f"more than once: {twice}")


def _only(asked: Mapping[str, Any], known: set[str] | frozenset[str], folder: Path) -> None:
    if unknown := asked.keys() - known:
        raise ValueError(f"{folder}: {sorted(unknown)} is not known here")
