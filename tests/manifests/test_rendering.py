"""manifests/ renders, and what comes out is what Kubernetes takes."""

import asyncio
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.manifests.kustomize import build, documents
from tests.manifests.rendered import FOLDERS, MANIFESTS, OWN, SQLITE, rendered
from tests.manifests.validity import NEWEST, OLDEST, check, named

APART = [  # what is applied by itself, or as a patch
    "argocd/account.yaml",
    "argocd/rbac.yaml",
    "argocd/notifications.yaml",
    "argocd/admission-policy.yaml",
    "argocd/application.yaml",
    "examples/sops/secret.yaml",
]
KUSTOMIZE = {
    "kustomize": (["kustomize", "version"], ["kustomize", "build"]),
    "kubectl": (["kubectl", "version", "--client"], ["kubectl", "kustomize"]),
}


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_kubernetes_takes_every_object(folder: str, version: str) -> None:
    for body in rendered(folder).values():
        check(body, version=version)


@pytest.mark.parametrize("file", APART)
def test_kubernetes_takes_what_is_applied_apart(file: str) -> None:
    for body in documents(MANIFESTS / file):
        check(body)


def test_every_file_is_rendered_or_applied_apart() -> None:
    used = {MANIFESTS / file for file in APART}
    for folder in MANIFESTS.rglob("kustomization.yaml"):
        (wanted,) = documents(folder)
        generated = [f for g in wanted.get("configMapGenerator", ()) for f in g.get("files", ())]
        patched = [patch["path"] for patch in wanted.get("patches", ())]
        used |= {folder}
        used |= {folder.parent / f for f in (*wanted.get("resources", ()), *generated, *patched)}
    slack = set(MANIFESTS.glob("slack-app*"))
    files = {path for path in MANIFESTS.rglob("*.yaml") if path.name != ".sops.yaml"}
    assert files - slack <= used


def test_the_checks_refuse_what_kubernetes_would_refuse_or_drop() -> None:
    for body in rendered(OWN).values():
        odd = {**body, "spec": {**body.get("spec", {}), "surprise": 1}}
        with pytest.raises(ValueError, match="was unexpected"):
            check(odd)


async def output(command: list[str]) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


async def real() -> list[str]:
    """A kustomize of version 5 that is at hand."""
    for program, (version, command) in KUSTOMIZE.items():
        if shutil.which(program) is not None:
            said = re.findall(r"v?(\d+)\.\d+\.\d+", (await output(version)).splitlines()[-1])
            if said[-1:] == ["5"]:
                return command
    pytest.skip("neither kustomize 5 nor a kubectl that has it is here")


async def test_a_real_kustomize_says_the_same() -> None:
    command = await real()
    folders = (SQLITE, OWN)  # the latter has the overlay of PostgreSQL in it
    texts = await asyncio.gather(*(output([*command, str(MANIFESTS / f)]) for f in folders))
    for folder, text in zip(folders, texts, strict=True):
        theirs = {named(body): body for body in YAML(typ="safe").load_all(text)}
        assert theirs == rendered(folder)


def write(folder: Path, **more: Any) -> Path:
    body = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        **more,
    }
    with (folder / "kustomization.yaml").open("w") as file:
        YAML(typ="safe").dump(body, file)
    return folder


@pytest.mark.parametrize(
    "more",
    [
        {"namePrefix": "x-"},
        {"patches": [{"patch": "x"}]},
        {"labels": [{"pairs": {"a": "b"}, "includeSelectors": True}]},
        {"images": [{"name": "qbot", "digest": "sha256:1"}]},
        {"configMapGenerator": [{"name": "x", "envs": ["x"]}]},
        {"configMapGenerator": [{"name": "x", "literals": ["a=b"], "behavior": "merge"}]},
        {"configMapGenerator": [{"name": "x", "literals": ["a=b"]}] * 2},
        {"resources": ["../outside.yaml"]},
        {"apiVersion": "kustomize.config.k8s.io/v1"},
    ],
)
def test_what_the_reader_does_not_know_is_an_error(more: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "outside.yaml").write_text("kind: Secret\nmetadata: {name: x}\n")
    (tmp_path / "in").mkdir()
    with pytest.raises(ValueError, match=r"not known here|in or below|ConfigMap x|kustomize"):
        build(write(tmp_path / "in", **more))
