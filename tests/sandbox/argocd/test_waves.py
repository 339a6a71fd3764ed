from qbot.sandbox.argocd.engine.syncrun import Apply, Done, SyncRun, Wait
from qbot.sandbox.argocd.engine.waves import Task, plan
from qbot.sandbox.argocd.manifests import Manifest, manifest


def thing(kind: str, name: str, wave: int = 0, hook: str = "", group: str = "") -> Manifest:
    notes = {"argocd.argoproj.io/sync-wave": str(wave)}
    if hook:
        notes["argocd.argoproj.io/hook"] = hook
    version = f"{group}/v1" if group else "v1"
    metadata = {"name": name, "annotations": notes}
    return manifest("t", {"apiVersion": version, "kind": kind, "metadata": metadata}, "ns")


DEPLOYMENT = thing("Deployment", "web", group="apps")
CONFIG = thing("ConfigMap", "config")


def run(*manifests: Manifest) -> SyncRun:
    return SyncRun("sha", {}, plan(manifests))


def start(sync: SyncRun) -> tuple[Task, ...]:
    decision = sync.decide()
    assert isinstance(decision, Apply)
    for task in decision.tasks:
        task.state = "Running"
        task.status = "" if task.hook else "Synced"
    return decision.tasks


def finish(*tasks: Task, state: str = "Succeeded") -> None:
    for task in tasks:
        task.state = state


def test_the_order_is_phase_wave_kind_name() -> None:
    tasks = plan(
        [
            thing("Deployment", "b", group="apps"),
            thing("Job", "after", hook="PostSync", group="batch"),
            thing("Deployment", "a", group="apps"),
            thing("Service", "s", wave=-1),
            thing("ConfigMap", "c"),
            thing("Job", "before", wave=5, hook="PreSync", group="batch"),
        ]
    )
    assert [task.manifest.name for task in tasks] == ["before", "s", "c", "a", "b", "after"]


def test_without_waves_success_means_applied() -> None:
    sync = run(DEPLOYMENT, CONFIG)
    start(sync)
    assert sync.decide() == Done("Succeeded", "successfully synced (all tasks run)")


def test_a_wave_waits_for_the_health_of_the_one_before() -> None:
    sync = run(DEPLOYMENT, CONFIG, thing("Ingress", "i", wave=1))
    first = start(sync)
    assert sync.decide() == Wait(
        "waiting for healthy state of /ConfigMap/config and 1 more resources"
    )
    finish(first[0])
    assert sync.decide() == Wait("waiting for healthy state of apps/Deployment/web")
    finish(first[1])
    start(sync)
    assert isinstance(sync.decide(), Done)


def test_a_hook_is_waited_for_by_name() -> None:
    hooks = [thing("Job", n, hook="PreSync", group="batch") for n in ("migrate", "seed")]
    sync = run(DEPLOYMENT, *hooks)
    started = start(sync)
    assert sync.decide() == Wait(
        "waiting for completion of hook batch/Job/migrate and 1 more hooks"
    )
    finish(*started)
    assert [task.manifest.name for task in start(sync)] == ["web"]


def test_a_hook_at_the_end_is_waited_for() -> None:
    sync = run(DEPLOYMENT, thing("Job", "seed", hook="PostSync", group="batch"))
    finish(*start(sync))
    (seed,) = start(sync)
    assert sync.decide() == Wait("waiting for completion of hook batch/Job/seed")
    finish(seed)
    assert sync.decide() == Done("Succeeded", "successfully synced (no more tasks)")


def test_a_failed_hook_fails_the_sync_after_its_syncfail_hooks() -> None:
    sync = run(
        DEPLOYMENT,
        thing("Job", "migrate", hook="PreSync", group="batch"),
        thing("Job", "tell", hook="SyncFail", group="batch"),
    )
    finish(*start(sync), state="Failed")
    (tell,) = start(sync)
    assert sync.decide() == Wait("waiting for completion of hook batch/Job/tell")
    finish(tell)
    message = "one or more synchronization tasks completed unsuccessfully"
    assert sync.decide() == Done("Failed", message)
    assert [each["name"] for each in sync.results()] == ["migrate", "tell"]


def test_a_refused_object_fails_the_sync_with_its_reason() -> None:
    sync = run(CONFIG)
    (task,) = start(sync)
    task.state, task.status, task.message = "Failed", "SyncFailed", 'namespaces "x" not found'
    message = 'one or more objects failed to apply, reason: namespaces "x" not found'
    assert sync.decide() == Done("Failed", message)


def test_nothing_to_do_succeeds() -> None:
    assert run().decide() == Done("Succeeded", "successfully synced (no more tasks)")


def test_what_goes_goes_in_reverse_waves() -> None:
    extra = [thing("ConfigMap", name, wave=wave) for wave, name in enumerate("abc")]
    assert [task.manifest.name for task in plan([], extra)] == ["c", "b", "a"]


def test_a_selective_sync_has_its_resources_and_no_hooks() -> None:
    hook = thing("Job", "migrate", hook="PreSync", group="batch")
    tasks = plan([DEPLOYMENT, CONFIG, hook], hooks=False, only=frozenset({CONFIG.key}))
    assert [task.manifest.name for task in tasks] == ["config"]


def test_results_have_the_fields_of_the_vendor() -> None:
    sync = run(DEPLOYMENT, thing("Job", "m", hook="PreSync", group="batch"))
    finish(*start(sync))
    start(sync)
    assert sync.results() == [
        {
            "group": "batch",
            "version": "v1",
            "kind": "Job",
            "namespace": "ns",
            "name": "m",
            "hookType": "PreSync",
            "hookPhase": "Succeeded",
            "syncPhase": "PreSync",
        },
        {
            "group": "apps",
            "version": "v1",
            "kind": "Deployment",
            "namespace": "ns",
            "name": "web",
            "status": "Synced",
            "hookPhase": "Running",
            "syncPhase": "Sync",
        },
    ]
