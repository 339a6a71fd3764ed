"""What stages must not have in common is refused with its line and key."""

from pathlib import Path

import pytest

from qbot.catalog import load_catalog
from qbot.errors import PermanentError

FILE = """\
services: [{name: cart, project: shop/cart}, {name: web, project: shop/web}]
environments: {base: {project: shop/environments}}
stages:
  - name: staging
    from: [environments]
    applications: "staging-{service}"
    approvals: {roles: [everybody]}
    config: {project: shop/config, helm: {file: "{stage}/{service}.yaml", key: image.tag}}
  - name: production
    from: [staging]
    applications: "production-{service}"
    approvals: {roles: [everybody]}
    config: {project: shop/config, helm: {file: "{stage}/{service}.yaml", key: image.tag}}
"""
PRODUCTION = (
    '    config: {project: shop/config, helm: {file: "{stage}/{service}.yaml", key: image.tag}}\n'
)


def load(path: Path, text: str) -> None:
    file = path / "qbot.yaml"
    file.write_text(text)
    load_catalog(file, instances=("main",), secrets=())


def with_config(text: str) -> str:
    """Of production, in the place of its own."""
    head, _, _ = FILE.rpartition(PRODUCTION)
    return f"{head}    config: {text}\n"


def test_stages_of_one_repository_have_files_of_their_own(tmp_path: Path) -> None:
    load(tmp_path, FILE)


@pytest.mark.parametrize(
    "config",
    [
        '{project: shop/other, helm: {file: "staging/{service}.yaml", key: image.tag}}',
        '{project: shop/config, branch: live, helm: {file: "staging/{service}.yaml", key: a}}',
        '{project: shop/config, helm: {file: "staging/{service}.yaml", key: live.tag}}',
        '{project: shop/config, helm: {file: "live.yaml", key: "{service}.tag"}}',
    ],
)
def test_another_project_branch_file_or_key_is_enough(tmp_path: Path, config: str) -> None:
    load(tmp_path, with_config(config))


def test_a_key_that_is_left_out_may_be_that_of_another_stage(tmp_path: Path) -> None:
    image = "image: {repository: r, values_key: image.tag}"
    text = with_config('{project: shop/config, helm: {file: "staging/{service}.yaml"}}')
    text = text.replace("/cart}", f"/cart, {image}}}").replace("/web}", f"/web, {image}}}")
    with pytest.raises(PermanentError, match="staging has its versions there as well"):
        load(tmp_path, text)


def test_a_single_service_needs_no_place_of_its_name(tmp_path: Path) -> None:
    text = with_config('{project: shop/other, helm: {file: "values.yaml", key: image.tag}}')
    load(tmp_path, text.replace(", {name: web, project: shop/web}", ""))


@pytest.mark.parametrize("name", ["web", "front"])
def test_nor_does_the_only_one_of_a_stage(tmp_path: Path, name: str) -> None:
    text = with_config(f"{ALONE}\n    services: [{name}]")
    load(tmp_path, f"{text}sets: {{front: [web]}}\n")


WRITES = '{project: shop/config, helm: {file: "staging/{service}.yaml", key: image.tag}}'
ALONE = '{project: shop/config, helm: {file: "production/values.yaml", key: image.tag}}'
KUSTOMIZE = '{project: shop/config, kustomize: {file: "live/kustomization.yaml", image: "r/app"}}'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (with_config(WRITES), ":13: stages[1].config.helm.file: staging has its versions there"),
        (with_config(ALONE), ":13: stages[1].config.helm.file: is one version for all services"),
        (with_config(KUSTOMIZE), "stages[1].config.kustomize.file: is one version for all"),
        (
            FILE.replace('"production-{service}"', '"staging-{service}"'),
            ":11: stages[1].applications: staging consists of the same Applications",
        ),
        (
            FILE.replace('"staging-{service}"', '"{stage}-{service}"').replace(
                '"production-{service}"', '"staging-{service}"'
            ),
            "staging consists of the same Applications",
        ),
    ],
)
def test_what_would_move_together_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(PermanentError) as refused:
        load(tmp_path, text)
    assert says in str(refused.value)
