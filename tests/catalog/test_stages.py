"""qbot.yaml about stages: what is wrong is told by line and key; the rest means what it says."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from qbot.app import release_mapping as mapping
from qbot.catalog import Catalog, load_catalog
from qbot.domain.authority import Authority, Rule, Who
from qbot.domain.barriers import Once, Weekday, Weekly, span_of
from qbot.domain.jobs import HttpJob, PipelineJob
from qbot.domain.names import ProjectPath, ServiceName, StageName
from qbot.domain.stages import Applications, Format
from qbot.errors import PermanentError

GOOD = """\
services:
  - {name: cart, project: shop/cart}
  - {name: orders, project: shop/orders}
  - {name: payments, project: shop/payments}
sets:
  purchase: [cart, payments]
environments:
  base: {project: shop/environments}
zone: Europe/Berlin
people: {U0ANA: ana}
roles:
  managers: {slack: [S0RELEASE], gitlab: [shop/managers], people: [U0X]}
  team: {people: [U0Y]}
jobs:
  - name: e2e
    pipeline: {project: shop/e2e, variables: {URL: "{url}", RETRIES: 3}}
    for: [environments, staging]
    timeout: 20m
  - name: announce
    http: {url: "https://chat.example/{stage}", body: {text: "{promotion}"}, secret: Chat}
stages:
  - name: staging
    from: [environments]
    config: {project: shop/config, helm: {file: "staging/{service}.yaml", key: image.tag}}
    approvals: {roles: [everybody]}
  - name: production
    from: [staging]
    argocd: west
    applications: {selector: stage=production, label: service}
    services: [purchase, cart]
    config:
      project: shop/config
      kustomize: {file: "production/{service}/kustomization.yaml", image: "r/{service}"}
    version: "v{short_sha}"
    approvals: {count: 2, roles: [managers], teams: {purchase: [team], cart: [managers]}}
    rollback: {roles: [managers], self: false, break_glass: [managers]}
    exempt: [managers]
    before: e2e
    after: announce
    soak: 30m
    channel: C05RELEAS3S
freezes:
  - {name: weekend, stages: [production], from: "Fri 16:00", to: "Mon 8:00"}
  - {name: holidays, stages: [production], from: 2026-12-23T12:00, to: 2027-01-02, zone: UTC}
policy:
  delete: {roles: [managers], own: true}
"""


def load(tmp_path: Path, text: str = GOOD) -> Catalog:
    path = tmp_path / "qbot.yaml"
    path.write_text(text)
    return load_catalog(path, instances=("main", "west"), secrets=("chat",))


def test_a_stage_is_what_the_file_says(tmp_path: Path) -> None:
    stages = mapping.stages(load(tmp_path))
    assert list(stages) == ["staging", "production"]
    stage = stages[StageName("production")]
    assert stage.sources == ("staging",)
    assert stage.services == ("cart", "payments")
    assert stage.instance == "west"
    assert stage.applications == Applications(selector="stage=production", label="service")
    assert (stage.config.format, stage.config.branch) == (Format.KUSTOMIZE, "main")
    cart = ServiceName("cart")
    assert stage.config.file_of(cart, stage.name) == "production/cart/kustomization.yaml"
    assert stage.config.key_of(cart, stage.name) == "r/cart"
    assert (stage.approvals.count, stage.approvals.roles) == (2, ("managers",))
    assert stage.approvals.teams == {"cart": ("team", "managers"), "payments": ("team",)}
    assert (stage.rollback.count, stage.rollback.by_requester) == (1, False)
    assert (stage.break_glass, stage.exempt) == (("managers",), ("managers",))
    assert stage.channel == "C05RELEAS3S"
    assert (stage.before, stage.after, stage.soak) == ("e2e", "announce", timedelta(minutes=30))


def test_what_is_left_out_has_a_careful_default(tmp_path: Path) -> None:
    stage = mapping.stages(load(tmp_path))[StageName("staging")]
    assert stage.services == ("cart", "orders", "payments")
    assert stage.app(ServiceName("cart")) == "staging-cart"
    assert (stage.approvals.count, stage.approvals.by_requester) == (1, False)
    assert stage.approvals.roles == ()  # everybody
    assert not stage.unmerged
    assert (stage.version, stage.config.format) == ("{sha}", Format.HELM)


def test_a_stage_without_a_key_writes_where_each_services_chart_reads(tmp_path: Path) -> None:
    text = GOOD.replace(", key: image.tag}", "}")
    for name in ("cart", "orders", "payments"):
        image = f"image: {{repository: r/{name}, values_key: {name}.tag}}"
        text = text.replace(f"project: shop/{name}}}", f"project: shop/{name}, {image}}}")
    staging = mapping.stages(load(tmp_path, text))[StageName("staging")]
    keys = [staging.config.key_of(service, staging.name) for service in staging.services]
    assert keys == ["cart.tag", "orders.tag", "payments.tag"]


def test_a_rollback_is_for_those_who_approve_promotions_and_not_for_its_requester(
    tmp_path: Path,
) -> None:
    text = GOOD.replace(
        "    rollback: {roles: [managers], self: false, break_glass: [managers]}\n", ""
    )
    stage = mapping.stages(load(tmp_path, text))[StageName("production")]
    rule = stage.rollback
    assert (rule.count, rule.roles, rule.by_requester) == (1, ("managers",), False)
    assert (rule.teams, stage.break_glass) == ({}, ())


def test_jobs_roles_people_sets_and_policy(tmp_path: Path) -> None:
    catalog = load(tmp_path)
    jobs = mapping.jobs(catalog)
    assert jobs["e2e"].what == PipelineJob(
        ProjectPath("shop/e2e"), "main", {"URL": "{url}", "RETRIES": "3"}
    )
    assert (jobs["e2e"].places, jobs["e2e"].timeout) == (
        ("environments", "staging"),
        timedelta(minutes=20),
    )
    assert jobs["announce"].what == HttpJob(
        "https://chat.example/{stage}", "POST", {"text": "{promotion}"}, "chat"
    )
    assert mapping.roles(catalog)["managers"].gitlab == ("shop/managers",)
    assert mapping.people(catalog) == {"U0ANA": "ana"}
    assert mapping.sets(catalog) == {"purchase": ("cart", "payments")}
    assert mapping.policy(catalog) == {"delete": Rule(Who.ROLE, ("managers",), own=True)}
    Authority(mapping.policy(catalog))


def test_windows_are_in_the_installations_zone_or_their_own(tmp_path: Path) -> None:
    weekend, holidays = mapping.windows(load(tmp_path))
    assert weekend.zone == ZoneInfo("Europe/Berlin")
    assert weekend.when == Weekly(Weekday.FRI, time(16), Weekday.MON, time(8))
    assert holidays.when == Once(
        datetime(2026, 12, 23, 12, tzinfo=UTC), datetime(2027, 1, 2, tzinfo=UTC)
    )
    friday = datetime(2026, 7, 3, 14, 30, tzinfo=UTC)  # 16:30 in Berlin
    assert span_of(weekend, friday) == (
        datetime(2026, 7, 3, 14, tzinfo=UTC),
        datetime(2026, 7, 6, 6, tzinfo=UTC),
    )


AT = "  - name: production"
EXTRA = (
    "  - {{name: {}, from: [environments], config: {{project: a/b, helm: {{file: a, key: b}}}},"
    " approvals: {{roles: [everybody]}}}}\n"
)
CASES = [
    ("from: [staging]", "from: [stagign]", ":27: stages[1].from[0]: there is no stage stagign;"),
    ("from: [staging]", "from: []", ":27: stages[1].from: must have at least 1"),
    ("    from: [staging]\n", "", ":26: stages[1].from: is missing"),
    ("from: [environments]", "from: [production]", "staging would be promoted to from itself"),
    ("name: production", "name: environments", ":26: stages[1].name: `environments` stands for"),
    (
        AT,
        f"{EXTRA.format('staging')}{AT}",
        ":26: stages[1].name: the stage staging is listed twice",
    ),
    (AT, f"{EXTRA.format('qbot-live')}{AT}", ":26: stages[1].name: must not begin with qbot-"),
    (AT, f"{EXTRA.format('qbot')}{AT}", ":26: stages[1].name: must not begin with qbot-"),
    ("name: production", "name: Production", ":26: stages[1].name: must be a DNS label"),
    ("argocd: west", "argocd: east", ":28: stages[1].argocd: there is no QBOT_ARGOCD__EAST__URL"),
    ("[purchase, cart]", "[purchases]", ":30: stages[1].services[0]: there is no service or set"),
    ("label: service}", "lable: service}", "stages[1].applications.lable: there is no such key"),
    (", label: service}", "}", ":29: stages[1].applications: needs either a name with {service}"),
    ("{selector: stage=production, label: service}", "production", "must contain {service}"),
    ("{selector: stage=production, label: service}", "qbot-{service}", "must not name Applicat"),
    ("      kustomize: {file", "      kustomise: {file", "did you mean kustomize?"),
    ('image: "r/{service}"', 'key: "r/{service}"', "stages[1].config.kustomize.image: is missing"),
    ('image: "r/{service}"', 'image: "r/{svc}"', "{svc} is not filled in; there are {service}"),
    (", key: image.tag}", "}", ":24: stages[0].config.helm: needs `key`, or image.values_key of c"),
    ('file: "staging/', 'file: "../staging/', "stages[0].config.helm.file: must be a path inside"),
    ("v{short_sha}", "latest", ":34: stages[1].version: must contain {sha} or {short_sha}"),
    ("roles: [managers], teams", "roles: [mangers], teams", "roles[0]: there is no role mangers;"),
    ("    approvals: {roles: [everybody]}\n", "", ":22: stages[0].approvals: is missing"),
    ("roles: [everybody]", "count: 1", "stages[0].approvals.roles: is missing"),
    ("roles: [everybody]", "roles: []", "stages[0].approvals.roles: must have at least 1"),
    ("[everybody]", "[everybody, team]", "approvals.roles: `everybody` stands alone"),
    (
        "  team: {people",
        "  everybody: {people: [U0Z]}\n  team: {people",
        "roles.everybody: stands for all people",
    ),
    ("rollback: {roles: [managers]", "rollback: {roles: []", "rollback.roles: must have at least"),
    ("cart: [managers]}", "crat: [managers]}", "approvals.teams.crat: there is no service or set"),
    ("count: 2", "count: 11", ":35: stages[1].approvals.count: must be at most 10"),
    ("before: e2e", "before: e3e", ":38: stages[1].before: there is no job e3e; did you mean e2e?"),
    ("soak: 30m", "soak: half", ":40: stages[1].soak: `half` is not a duration"),
    ("C05RELEAS3S", "releases", ":41: stages[1].channel: must be the id of a channel"),
    ("for: [environments, staging]", "for: [stage]", ":17: jobs[0].for[0]: there is no stage"),
    ("secret: Chat", "secret: Mail", ":20: jobs[1].http.secret: there is no QBOT_JOBS__Mail"),
    ('"{promotion}"', '"{promotoin}"', "{promotoin} is not filled in; did you mean {promotion}?"),
    ("https://chat.example", "chat.example", ":20: jobs[1].http.url: must be an http(s) URL"),
    (
        "  - name: announce",
        "  - {name: e2e, pipeline: {project: a/b}}\n  - name: announce",
        ":19: jobs[1].name: the job e2e is listed twice",
    ),
    ('to: "Mon 8:00"', 'to: "Fri 16:00"', ":43: freezes[0]: begins and ends at the same moment"),
    ('to: "Mon 8:00"', "to: 2026-01-01", ":43: freezes[0]: `from` and `to` must both be"),
    ('to: "Mon 8:00"', 'to: "Sunday"', ":43: freezes[0].to: must be like `Fri 16:00`"),
    ("to: 2027-01-02", "to: 2026-01-02", ":44: freezes[1]: ends before it begins"),
    ("zone: UTC", "zone: Mars", ":44: freezes[1].zone: there is no time zone Mars"),
    ("zone: Europe/Berlin", "zone: Europe/Berln", ":9: zone: there is no time zone Europe/Berln"),
    ("stages: [production], from: 2", "stages: [], from: 2", "freezes[1].stages: must have at le"),
    ("{slack: [S0RELEASE], gitlab: [shop/managers], people: [U0X]}", "{}", "needs at least one of"),
    ("U0ANA: ana", "U0ANA: ana, U0BEN: Ana", ":10: people.U0BEN: the GitLab account Ana is some"),
    ("U0ANA: ana", "ana: ana", ":10: people.ana: must be of the form ^"),
    ("  delete: {roles", "  list: {roles", ":46: policy.list: no rule can be made for that"),
    (
        "  purchase: [cart, payments]",
        "  purchase: [cart, payments]\n  orders: [cart]",
        ":7: sets.orders: there is a service orders",
    ),
    ("[cart, payments]", "[cart, payment]", ":6: sets.purchase[1]: there is no service payment;"),
]


@pytest.mark.parametrize(("old", "new", "says"), CASES, ids=[new[:40] for _, new, _ in CASES])
def test_an_error_names_line_and_key(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert GOOD.count(old) >= 1
    with pytest.raises(PermanentError) as refused:
        load(tmp_path, GOOD.replace(old, new, 1))
    assert says in str(refused.value)


def test_wrong_references_are_told_with_everything_else(tmp_path: Path) -> None:
    text = GOOD.replace("before: e2e", "before: none").replace("soak: 30m", "soak: half")
    text = text.replace("exempt: [managers]", "exempt: [nobody]").replace("name: cart", "nme: cart")
    with pytest.raises(PermanentError) as refused:
        load(tmp_path, text)
    keys = [line.split(": ")[1] for line in str(refused.value).splitlines()]
    assert set(keys) >= {
        "services[0].nme", "stages[1].before", "stages[1].soak", "stages[1].exempt[0]",
    }  # fmt: skip


def test_a_whole_branch_needs_another_branch_of_the_same_project(tmp_path: Path) -> None:
    both = GOOD.replace(
        "      project: shop/config\n", "      project: shop/config\n      whole: true\n"
    )
    with pytest.raises(PermanentError, match="staging has its configuration on the same branch"):
        load(tmp_path, both)
    other = both.replace("project: shop/config, helm", "project: shop/other, helm")
    with pytest.raises(PermanentError, match="in another project, shop/other"):
        load(tmp_path, other)
    load(tmp_path, both.replace("whole: true\n", "whole: true\n      branch: production\n"))


def test_helm_and_kustomize_exclude_each_other(tmp_path: Path) -> None:
    text = GOOD.replace("helm: {file", "kustomize: {file: a, image: b}, helm: {file")
    with pytest.raises(PermanentError, match=r"stages\[0\].config: needs either `helm` or"):
        load(tmp_path, text)
    text = GOOD.replace("    http: {url", "    pipeline: {project: a/b}\n    http: {url")
    with pytest.raises(PermanentError, match=r"jobs\[1\]: needs either `pipeline` or `http`"):
        load(tmp_path, text)
