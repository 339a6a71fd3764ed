"""What manifests/kubernetes promises: that Qbot runs like this, and with no more than it needs."""

import asyncio
import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from click import Group
from prometheus_client import CollectorRegistry

from qbot.app.ending import LIMIT
from qbot.catalog import load_catalog
from qbot.cli import main
from qbot.errors import PermanentError
from qbot.settings import Settings
from qbot.settings.loading import load
from qbot.settings.names import unknown
from qbot.web.health import PATIENCE, admin_app
from tests.manifests.kustomize import documents
from tests.manifests.rendered import (
    FOLDERS,
    MANIFESTS,
    OWN,
    POSTGRES,
    ROOT,
    SQLITE,
    container,
    only,
    pod,
    rendered,
)
from tests.sandbox.slack.stage import served

Json = dict[str, Any]
EXTERNAL = MANIFESTS / "examples/external-secrets/externalsecret.yaml"
SOPS = MANIFESTS / "examples/sops/secret.yaml"
SECRETS = {
    "QBOT_SLACK__BOT_TOKEN": "xoxb-1",
    "QBOT_SLACK__SIGNING_SECRET": "s",
    "QBOT_GITLAB__TOKEN": "t",
    "QBOT_ARGOCD__MAIN__TOKEN": "t",
    "QBOT_DATABASE_URL": "postgresql://qbot:p@postgres/qbot",
}
ANNOTATION = 256 * 2**10  # bytes: what `kubectl apply` can remember of one object

each_folder = pytest.mark.parametrize("folder", FOLDERS)


def probe(folder: str, name: str) -> Json:
    found: Json = container(folder)[f"{name}Probe"]
    return found


def environment(folder: str) -> dict[str, str]:
    """The variables that Qbot gets, but for the folder of secrets."""
    given = dict(only(folder, "ConfigMap", "qbot-settings")["data"])
    return given | {each["name"]: each["value"] for each in container(folder)["env"]}


def start(folder: str, secrets: Path) -> Settings:
    """Qbot's settings in such a pod; the kubelet's links are in the folder of secrets too."""
    data = secrets / "..2026_11_01"
    data.mkdir()
    (secrets / "..data").symlink_to(data)
    for name, value in SECRETS.items():
        if name not in environment(folder):
            (data / name).write_text(value)
            (secrets / name).symlink_to(Path("..data") / name)
    return load(environment(folder) | {"QBOT_SECRETS_DIR": str(secrets)})


@each_folder
def test_qbot_starts_with_what_the_pod_gives_it(folder: str, tmp_path: Path) -> None:
    settings = start(folder, tmp_path)
    mounts = {m["mountPath"]: m["name"] for m in container(folder)["volumeMounts"]}
    assert mounts[str(settings.config.parent)] == "config"
    assert mounts[environment(folder)["QBOT_SECRETS_DIR"]] == "secrets"
    where = settings.database_url.get_secret_value()
    if where.startswith("sqlite:///"):
        assert mounts[str(Path(where.removeprefix("sqlite:///")).parent)] == "data"
    ports = {p["name"]: p["containerPort"] for p in container(folder)["ports"]}
    assert settings.listen == f"0.0.0.0:{ports['http']}"
    assert settings.admin_listen == f"0.0.0.0:{ports['admin']}"


@each_folder
def test_its_configuration_is_one_that_qbot_takes(folder: str, tmp_path: Path) -> None:
    path = tmp_path / "qbot.yaml"
    path.write_text(only(folder, "ConfigMap", "qbot-config")["data"]["qbot.yaml"])
    catalog = load_catalog(path, instances=["main"])
    assert catalog.services
    assert not rendered(folder)["Namespace", "qbot"]["metadata"]["name"].startswith(
        f"{catalog.environments.prefix}-"
    )


@each_folder
def test_no_service_puts_names_into_the_environment_that_qbot_refuses(
    folder: str, tmp_path: Path
) -> None:
    assert pod(folder)["enableServiceLinks"] is False
    with pytest.raises(PermanentError, match="QBOT_PORT"):
        load({**environment(folder), **SECRETS, "QBOT_PORT": "1", "QBOT_SECRETS_DIR": ""})


def test_the_examples_have_the_settings_that_are_secret() -> None:
    (external,), (encrypted,) = documents(EXTERNAL), documents(SOPS)
    stored = {each["secretKey"] for each in external["spec"]["data"]}
    assert stored == encrypted["stringData"].keys()
    assert stored >= SECRETS.keys()
    assert unknown(dict.fromkeys(stored, "x")) == []
    for folder in FOLDERS:
        (volume,) = (v["secret"] for v in pod(folder)["volumes"] if "secret" in v)
        names = {external["spec"]["target"]["name"], encrypted["metadata"]["name"]}
        assert names == {volume["secretName"]}
        assert encrypted["metadata"]["namespace"] == "qbot"


@each_folder
def test_nothing_that_is_rendered_is_a_secret(folder: str) -> None:
    assert not [name for name in rendered(folder) if name[0] == "Secret"]
    assert stored_settings(folder).isdisjoint(SECRETS.keys() - {"QBOT_DATABASE_URL"})
    assert "@" not in environment(folder).get("QBOT_DATABASE_URL", "")


def stored_settings(folder: str) -> set[str]:
    return set(environment(folder))


@each_folder
def test_the_pod_is_of_the_restricted_kind(folder: str) -> None:
    outer, inner = pod(folder)["securityContext"], container(folder)["securityContext"]
    assert outer["runAsNonRoot"] is True
    assert outer["seccompProfile"] == {"type": "RuntimeDefault"}
    assert inner["allowPrivilegeEscalation"] is False
    assert inner["readOnlyRootFilesystem"] is True
    assert inner["capabilities"] == {"drop": ["ALL"]}
    space = rendered(folder)["Namespace", "qbot"]["metadata"]["labels"]
    assert space["pod-security.kubernetes.io/enforce"] == "restricted"


@each_folder
def test_it_runs_as_the_images_user_and_starts_the_images_command(folder: str) -> None:
    image = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    user = re.search(r"^USER (\d+):(\d+)$", image, re.MULTILINE)
    outer = pod(folder)["securityContext"]
    assert user
    assert (str(outer["runAsUser"]), str(outer["runAsGroup"])) == user.groups()
    assert outer["fsGroup"] == outer["runAsGroup"]
    assert isinstance(main, Group)
    assert container(folder)["args"][0] in main.commands
    assert re.search(r'^ENTRYPOINT \["qbot"\]$', image, re.MULTILINE)


@each_folder
def test_it_has_no_way_into_kubernetes(folder: str) -> None:
    account = rendered(folder)["ServiceAccount", pod(folder)["serviceAccountName"]]
    assert account["automountServiceAccountToken"] is False
    assert pod(folder)["automountServiceAccountToken"] is False
    assert {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}.isdisjoint(
        kind for kind, _ in rendered(folder)
    )


@each_folder
def test_what_is_written_has_a_volume(folder: str) -> None:
    volumes = {v["name"]: v for v in pod(folder)["volumes"]}
    mounts = container(folder)["volumeMounts"]
    assert {mount["name"] for mount in mounts} == volumes.keys()
    writable = {mount["name"] for mount in mounts if not mount.get("readOnly")}
    assert writable == {"tmp"} | ({"data"} if folder == SQLITE else set())
    for volume in volumes.values():
        claim = volume.get("persistentVolumeClaim")
        assert claim is None or ("PersistentVolumeClaim", claim["claimName"]) in rendered(folder)
        stored = volume.get("configMap")
        assert stored is None or ("ConfigMap", stored["name"]) in rendered(folder)
        assert "emptyDir" not in volume or volume["emptyDir"]["sizeLimit"]


@each_folder
async def test_probes_ask_what_the_admin_port_answers_and_wait_for_its_answer(folder: str) -> None:
    slow = asyncio.Event()

    async def never() -> str:
        await slow.wait()
        return ""

    app = admin_app(CollectorRegistry(), {"database": never}, patience=0.01)
    async with served(app) as url, aiohttp.ClientSession() as http:
        found = {}
        for name in ("startup", "liveness", "readiness"):
            asked = probe(folder, name)["httpGet"]
            assert asked["port"] == "admin"
            async with http.get(f"{url}{asked['path']}") as answer:
                found[name] = answer.status
    # A database that is away takes a replica out of the Service, and restarts none.
    assert found == {"startup": 200, "liveness": 200, "readiness": 503}
    assert probe(folder, "readiness")["timeoutSeconds"] > PATIENCE
    patience = probe(folder, "startup")
    assert patience["periodSeconds"] * patience["failureThreshold"] >= 120


@each_folder
def test_it_may_end_in_its_own_time(folder: str) -> None:
    before = container(folder).get("lifecycle", {}).get("preStop", {}).get("sleep", {})
    needed = before.get("seconds", 0) + LIMIT
    assert pod(folder)["terminationGracePeriodSeconds"] >= 2 * needed


@each_folder
def test_memory_is_limited_and_processor_time_is_not(folder: str) -> None:
    resources = container(folder)["resources"]
    assert resources["requests"].keys() == {"cpu", "memory", "ephemeral-storage"}
    assert resources["limits"].keys() == {"memory", "ephemeral-storage"}


def test_sqlite_has_one_replica_that_ends_before_the_next_begins() -> None:
    spec = only(SQLITE, "Deployment")["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}
    assert not [name for name in rendered(SQLITE) if name[0] == "PodDisruptionBudget"]


@pytest.mark.parametrize("folder", [POSTGRES, OWN])
def test_postgres_has_three_replicas_apart_of_which_one_may_go(folder: str) -> None:
    spec = only(folder, "Deployment")["spec"]
    budget = only(folder, "PodDisruptionBudget")["spec"]
    labels = spec["template"]["metadata"]["labels"]
    assert spec["replicas"] == 3
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert budget["maxUnavailable"] == 1
    assert budget["selector"]["matchLabels"].items() <= labels.items()
    spread = {each["topologyKey"]: each for each in pod(folder)["topologySpreadConstraints"]}
    assert spread.keys() == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}
    strict = [e for e in spread.values() if e["whenUnsatisfiable"] == "DoNotSchedule"]
    assert {each.get("nodeTaintsPolicy") for each in strict} == {"Honor"}  # a cordon is a taint
    for each in spread.values():
        assert each["labelSelector"]["matchLabels"].items() <= labels.items()


@each_folder
def test_services_and_monitors_lead_to_the_pods(folder: str) -> None:
    template = only(folder, "Deployment")["spec"]["template"]
    ports = {p["name"] for p in container(folder)["ports"]}
    service, monitor = only(folder, "Service"), only(folder, "ServiceMonitor")["spec"]
    assert service["spec"]["selector"].items() <= template["metadata"]["labels"].items()
    assert {p["targetPort"] for p in service["spec"]["ports"]} == ports
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert service["metadata"]["labels"][monitor["jobLabel"]] == "qbot"  # as the rules name it
    (scraped,) = monitor["endpoints"]
    assert scraped["port"] in {p["name"] for p in service["spec"]["ports"]}
    assert scraped["path"] == "/metrics"


@each_folder
def test_traffic_is_what_is_named_and_nothing_else(folder: str) -> None:
    policies = [body for (kind, _), body in rendered(folder).items() if kind == "NetworkPolicy"]
    labels = only(folder, "Deployment")["spec"]["template"]["metadata"]["labels"]
    entered, left = set(), set()
    for policy in policies:
        spec = policy["spec"]
        assert spec["podSelector"]["matchLabels"].items() <= labels.items()
        for rule in (*spec.get("ingress", ()), *spec.get("egress", ())):
            assert rule.get("from") or rule.get("to")
        entered |= {p["port"] for rule in spec.get("ingress", ()) for p in rule["ports"]}
        left |= {p["port"] for rule in spec.get("egress", ()) for p in rule["ports"]}
    assert entered == {"http", "admin"}
    assert left == {53, 443, 8080} | (set() if folder == SQLITE else {5432})
    assert any(set(p["spec"]["policyTypes"]) == {"Ingress", "Egress"} for p in policies)


@each_folder
def test_no_object_is_too_large_for_kubectl_apply(folder: str) -> None:
    for body in rendered(folder).values():
        assert len(str(body)) < ANNOTATION / 2, body["metadata"]["name"]
