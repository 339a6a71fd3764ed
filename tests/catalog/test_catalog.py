"""qbot.yaml: errors name file, line and key."""

from collections.abc import Collection
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from qbot.app.mapping import rules
from qbot.catalog import Catalog, load_catalog
from qbot.catalog.names import CONTEXT, Names
from qbot.domain.auto_creation import Occasion
from qbot.domain.names import BASE, BranchName, ServiceName, app_name, env_name
from qbot.errors import PermanentError
from tests.recursion import own_limit

GOOD = """\
services:
  - name: cart
    project: shop/cart
    image: {repository: registry.example/cart}
  - name: payments
    project: shop/payments
environments:
  base: {project: shop/environments}
  ttl: 3d
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "qbot.yaml"
    path.write_text(text)
    return path


def read(path: Path, instances: Collection[str] = ("main",)) -> Catalog:
    return load_catalog(path, instances=instances)


def refusal(path: Path, instances: Collection[str] = ("main",)) -> str:
    with pytest.raises(PermanentError) as refused:
        read(path, instances)
    return str(refused.value)


def test_a_small_file_is_enough(tmp_path: Path) -> None:
    catalog = read(write(tmp_path, GOOD))
    assert [s.name for s in catalog.services] == ["cart", "payments"]
    assert catalog.environments.ttl == timedelta(days=3)
    assert catalog.environments.builds == "wait"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("ttl: 3d", "tll: 3d", ":9: environments.tll: there is no such key"),
        ("ttl: 3d", "ttl: soon", ":9: environments.ttl: `soon` is not a duration"),
        ("project: shop/payments", "projct: x", ":6: services[1].projct: there is no such key"),
        ("    project: shop/payments\n", "", ":5: services[1].project: is missing"),
        ("name: payments", "name: cart", "the service cart is listed twice"),
        ("name: payments", "name: Payments", ":5: services[1].name: must be a DNS label"),
        ("name: payments", f"name: {'p' * 30}", ":5: services[1].name: must be a DNS label"),
        ("name: payments", "name: data-base", ":5: services[1].name: must not end in -base"),
        ("name: payments", "name: base", ":5: services[1].name: `base` is the Application"),
        ("  base: {project: shop/environments}\n", "", "environments.base: is missing"),
        ("services:", "services: [", ": not YAML"),
        ("ttl: 3d", "ttl: 3d\n  ttl: 4d", ":10: not YAML: found duplicate key"),
        ("ttl: 3d", 'ttl: "\x07"', ": not YAML"),
        ("ttl: 3d", "url: https://dev.example", ":9: environments.url: must contain {env}"),
        ("ttl: 3d", "url: '{env}.dev'", ":9: environments.url: must be an http(s) URL"),
        ("ttl: 3d", "url: 'https://{env}.{zone}'", ":9: environments.url: must be an http(s)"),
        ("ttl: 3d", "prefix: kube", ":9: environments.prefix: namespaces that begin with kube-"),
        ("ttl: 3d", "prefix: openshift-x", ":9: environments.prefix: namespaces that begin"),
        ("ttl: 3d", "prefix: Q", ":9: environments.prefix: must be a DNS label of at most 12"),
        ("ttl: 3d", "prefix: aaaaaaaaaaaaa", ":9: environments.prefix: must be a DNS label"),
        ("ttl: 3d", "argocd: west", ":9: environments.argocd: there is no QBOT_ARGOCD__WEST__URL"),
        ("ttl: 3d", "ready: {url: true}", ":9: environments.ready.url: needs environments.url"),
        ("ttl: 3d", "ready: {url: health}", ":9: environments.ready.url: must be true, or a path"),
        ("ttl: 3d", "ready: {url: 3}", ":9: environments.ready.url: must be true, or a path"),
        ("ttl: 3d", "ready: {status: [99]}", ":9: environments.ready.status[0]: "),
        ("ttl: 3d", "ready: {service: crt}", ".service: there is no service crt; did you mean c"),
        ("ttl: 3d", "ready: {job: smoke}", ":9: environments.ready.job: there is no job smoke"),
        (
            "ttl: 3d",
            "url: https://a/?{env}\n  ready: {url: /x}",
            ":10: environments.ready.url: must be true: environments.url has a query",
        ),
        (
            "registry.example/cart}",
            "r/cart, parameter: image.tag, values_key: image.tag}",
            ":4: services[0].image: takes either `parameter` or `values_key`",
        ),
        (
            "registry.example/cart}",
            "r/cart, values_key: image..tag}",
            ":4: services[0].image.values_key: must be keys with dots between them",
        ),
        (
            "registry.example/cart}",
            "r/cart, values_key: a.b}\n    parameters: {a.b: c}",
            ":2: services[0]: the parameter a.b would win over image.values_key; drop one",
        ),
        (GOOD, "- a\n", ":1: must be a mapping"),
    ],
)
def test_an_error_names_file_line_and_key(tmp_path: Path, old: str, new: str, says: str) -> None:
    path = write(tmp_path, GOOD.replace(old, new))
    said = refusal(path)
    assert said.startswith(str(path))
    assert says in said


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("ttl: 3d", "tll: 3d").replace("name: cart", "name: Cart")
    said = refusal(write(tmp_path, text)).splitlines()
    assert [line.split(": ")[1] for line in said] == ["services[0].name", "environments.tll"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        pytest.param(
            "- name: payments\n    project", "- name: payments\n    projct",
            [":6: services[1].projct: there is no such key; did you mean project?"],
            id="a-key-that-must-be-there",
        ),
        pytest.param(
            "services:", "service:",
            [":1: service: there is no such key; did you mean services?"],
            id="a-part-of-the-file",
        ),
        pytest.param(
            "ttl: 3d", "limits: {totl: 3}",
            [":9: environments.limits.totl: there is no such key; did you mean total?"],
            id="deep-inside",
        ),
        pytest.param(
            "ttl: 3d", "ttl: 3d\n  max_ttl: 2d",
            [":10: environments.max_ttl: is shorter than ttl"],
            id="lifetimes-that-contradict",
        ),
        pytest.param(
            "image: {repository", "image: {repo",
            [
                ":4: services[0].image.repository: is missing",
                ":4: services[0].image.repo: there is no such key",
            ],
            id="too-far-from-any",
        ),
        pytest.param(
            "name: cart\n    project: shop/cart", "names: cart\n    project: cart",
            [
                ":3: services[0].project: must be of the form",
                ":2: services[0].names: there is no such key; did you mean name?",
            ],
            id="beside-another-error",
        ),
    ],
)  # fmt: skip
def test_a_misspelt_key_is_told_once_with_the_one_that_was_meant(
    tmp_path: Path, old: str, new: str, says: list[str]
) -> None:
    path = write(tmp_path, GOOD.replace(old, new))
    lines = [line.removeprefix(str(path)) for line in refusal(path).splitlines()]
    assert len(lines) == len(says), lines
    assert all(line.startswith(start) for line, start in zip(lines, says, strict=True)), lines


def test_a_wrong_service_is_no_missing_service(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        GOOD[: GOOD.index("  - name: payments")] + "environments:\n  base:\n    project: a/b\n",
    )
    read(path)
    path.write_text(path.read_text().replace("project: shop/cart", "project: cart"))
    assert refusal(path).count("\n") == 0
    path.write_text("services: []\nenvironments:\n  base:\n    project: a/b\n")
    assert refusal(path) == f"{path}:1: services: must have at least 1"


def test_two_services_may_live_in_one_project(tmp_path: Path) -> None:
    catalog = read(write(tmp_path, GOOD.replace("shop/payments", "shop/cart")))
    assert {s.project for s in catalog.services} == {"shop/cart"}


def test_the_argo_cd_has_to_be_configured_also_where_it_is_not_named(tmp_path: Path) -> None:
    said = refusal(write(tmp_path, GOOD), instances=("west",))
    assert "environments.argocd: there is no QBOT_ARGOCD__MAIN__URL" in said
    assert "configured: west" in said
    assert read(write(tmp_path, GOOD + "  argocd: west\n"), ("west",)).environments.argocd == "west"


@pytest.mark.parametrize("url", ["https://{env}.dev.example", "http://dev.example/{env}/"])
def test_an_address_of_environments_may_have_the_name_anywhere(tmp_path: Path, url: str) -> None:
    path = write(tmp_path, GOOD + f"  url: {url}\n")
    assert read(path).environments.url == url


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert "none.yaml: cannot be read" in refusal(tmp_path / "none.yaml")
    assert "cannot be read" in refusal(tmp_path)
    (tmp_path / "qbot.yaml").write_bytes(b"\xff\xfe")
    assert "it is not UTF-8" in refusal(tmp_path / "qbot.yaml")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("services: " + "[" * 600, "nested too deeply"),
        (GOOD + "since: 2026-13-45\n", "month must be in 1..12"),
        ("a: &a [x]\nb: &b [*a, *a]\nservices: [*b, *b]\n" + GOOD, "services"),
        ("services: &s [*s]\n", "services"),
    ],
)
def test_what_is_no_data_is_refused_in_a_sentence(tmp_path: Path, text: str, says: str) -> None:
    with own_limit():
        assert says in refusal(write(tmp_path, text))


@pytest.mark.parametrize(("one", "two"), [("payments-api", "api"), ("a-b-c", "b-c")])
def test_services_whose_applications_could_be_one_are_refused(
    tmp_path: Path, one: str, two: str
) -> None:
    text = GOOD.replace("name: payments", f"name: {two}").replace("name: cart", f"name: {one}")
    said = refusal(write(tmp_path, text))
    assert f"the services {one} and {two} could share an Application" in said


def test_services_that_only_end_alike_are_fine(tmp_path: Path) -> None:
    text = GOOD.replace("name: cart", "name: postcart").replace("payments", "cart-post")
    assert len(read(write(tmp_path, text)).services) == 2


WORDS = st.lists(st.sampled_from(["a", "b", "api", "base", "0a1b2c"]), min_size=1, max_size=3)
LABELS = WORDS.map("-".join)
BRANCHES = st.builds(lambda words, sep: sep.join(words), WORDS, st.sampled_from("-/"))


@given(st.sets(LABELS, min_size=1, max_size=5), st.sets(BRANCHES, min_size=1, max_size=6))
def test_of_a_valid_catalog_no_two_applications_share_a_name(
    names: set[str], branches: set[str]
) -> None:
    tree = {
        "services": [{"name": n, "project": f"shop/{n}"} for n in sorted(names)],
        "environments": {"base": {"project": "shop/environments"}},
    }
    try:
        catalog = Catalog.model_validate(tree, context={CONTEXT: Names(("main",))})
    except ValidationError:
        return
    services = [BASE, *(ServiceName(s.name) for s in catalog.services)]
    envs = [env_name(BranchName(b), prefix=catalog.environments.prefix) for b in branches]
    applications = [app_name(env, service) for env in envs for service in services]
    assert len(set(applications)) == len(applications)


AUTO = (
    GOOD
    + """\
  auto_create:
    - {branches: "feat/*", channel: C05AB12CD, owner: U05AB12CD}
    - {branches: "fix/*", on: merge-request, channel: C05AB12CD, owner: U05AB12CD}
"""
)


def test_branches_may_get_environments_by_themselves(tmp_path: Path) -> None:
    found = rules(read(write(tmp_path, AUTO))).auto_create
    assert [(r.branches, r.on, r.channel, r.owner) for r in found] == [
        ("feat/*", Occasion.PUSH, "C05AB12CD", "U05AB12CD"),
        ("fix/*", Occasion.MERGE_REQUEST, "C05AB12CD", "U05AB12CD"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("feat/*", "*", "must name branches"),
        ("channel: C05AB12CD", "channel: general", "must be the id of a channel"),
        ("owner: U05AB12CD", "owner: ana", "owner"),
        ("on: merge-request", "on: full-moon", "merge-request"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(
    tmp_path: Path, old: str, new: str, why: str
) -> None:
    assert why in refusal(write(tmp_path, AUTO.replace(old, new, 1)))


@pytest.mark.parametrize(("word", "on"), [("on", True), ("off", False), ("false", False)])
def test_following_can_be_switched_off(tmp_path: Path, word: str, on: bool) -> None:
    found = rules(read(write(tmp_path, f"{GOOD}  follow: {word}\n")))
    assert found.follow_pushes is on
    assert rules(read(write(tmp_path, GOOD))).follow_pushes
