"""A promotion of the small shop at different moments, for the golden files."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from qbot.domain.jobs import JobRun, JobState
from qbot.domain.names import OpId, ProjectPath, PromotionId, ServiceName, StageName
from qbot.domain.people import Actor
from qbot.domain.progress import End, Kind, ServiceProgress, Stage, Step
from qbot.domain.promotion import (
    Account,
    Approval,
    Edit,
    Item,
    Plan,
    PromotionState,
    Verdict,
    Version,
)
from qbot.domain.release import Change, Diff, Needed, StageProgress
from qbot.domain.services import Build
from tests.render.samples import ANA, START

CHLOE, DAN = Actor("T0ACME", "U0CHLOE"), Actor("T0ACME", "U0DAN")
PRODUCTION, STAGING = StageName("production"), StageName("staging")
P12, P13 = PromotionId(12), PromotionId(13)
GITLAB = "https://gitlab.acme.dev"
LATER = START + timedelta(minutes=12, seconds=20)
_AUTHORS = (("Ana Ruiz", "Ben Okafor"), ("Ben Okafor",), ("Ana Ruiz", "Dan Wu", "Ben Okafor"), ())


def sha(seed: str) -> str:
    """40 digits that look like a commit."""
    return (seed.encode().hex() * 40)[:40]


def item(name: str, number: int = 0) -> Item:
    return Item(
        service=ServiceName(name),
        project=ProjectPath(f"shop/{name}"),
        old=Version(sha(f"{number}old{name}"), sha(f"{number}old{name}")),
        new=Version(sha(f"{number}new{name}"), sha(f"{number}new{name}"), "main"),
        commits=number % 4 + 1,
        authors=_AUTHORS[number % len(_AUTHORS)],
        compare_url=f"{GITLAB}/shop/{name}/-/compare/a...b",
        build=Build.PASSED,
        since=START - timedelta(hours=30 - number % 20),
    )


def items(*names: str) -> tuple[Item, ...]:
    return tuple(item(name, n) for n, name in enumerate(names))


FOUR = items("cart", "checkout", "frontend", "payments")


def plan(changed: tuple[Item, ...] = FOUR) -> Plan:
    edits = tuple(
        Edit(i.service, f"production/{i.service}.yaml", "image.tag", i.old.text, i.new.text)
        for i in changed
    )
    return Plan(PRODUCTION, STAGING, ProjectPath("shop/deployments"), "main", changed, edits)


def changes(changed: tuple[Item, ...] = FOUR) -> Diff:
    lines = tuple(
        Change(f"production/{i.service}.yaml", 4, f'tag: "{i.old.text}"', f'tag: "{i.new.text}"')
        for i in changed
    )
    return Diff(lines, len(lines), len(lines))


def approval(actor: Actor, minutes: int, *, void: str = "", reason: str = "") -> Approval:
    return Approval(
        promotion=P12,
        actor=actor,
        account=Account(7, "somebody"),
        digest=plan().digest,
        verdict=Verdict.REJECTED if reason else Verdict.APPROVED,
        at=START + timedelta(minutes=minutes),
        reason=reason,
        void=void,
    )


def deployed(name: str, stage: Stage, reason: str = "", wave: int = 0) -> ServiceProgress:
    return ServiceProgress(ServiceName(name), stage, reason=reason, wave=wave, sync="Synced")


BEGUN = StageProgress(
    op=OpId("op0042"),
    kind=Kind.PROMOTE,
    stage=PRODUCTION,
    source="",
    actor=ANA,
    step=Step.RESOLVING,
    started_at=START,
    updated_at=START + timedelta(seconds=2),
    promotion=P12,
)
NEEDED = Needed(
    count=2,
    missing=2,
    eligible=(CHLOE.user, DAN.user),
    roles=("release-managers",),
)
WAITING = replace(
    BEGUN,
    source="staging",
    step=Step.APPROVING,
    state=PromotionState.OPEN,
    items=FOUR,
    changes=changes(),
    digest=plan().digest,
    merge_request=f"{GITLAB}/shop/deployments/-/merge_requests/31",
    merge_request_iid=31,
    merge_status="ci_still_running",
    pipeline="running",
    pipeline_url=f"{GITLAB}/shop/deployments/-/pipelines/91",
    needed=NEEDED,
    expires_at=START + timedelta(hours=24),
)
ONE_YES = replace(
    WAITING,
    pipeline="success",
    merge_status="mergeable",
    approvals=(approval(CHLOE, 4),),
    needed=replace(NEEDED, missing=1, eligible=(DAN.user,)),
)


def over(
    state: PromotionState, headline: str, shown: StageProgress = ONE_YES, **facts: Any
) -> StageProgress:
    """That ended without success, for this reason."""
    ended = replace(shown, step=Step.ENDED, state=state, end=End.CANCELLED, ended_at=LATER)
    return replace(ended, needed=None, headline=headline, **facts)


APPROVED = replace(
    ONE_YES,
    state=PromotionState.APPROVED,
    approvals=(approval(CHLOE, 4), approval(DAN, 7)),
    needed=replace(NEEDED, missing=0, eligible=()),
)
BACKED_UP = JobRun("db-backup", JobState.PASSED, f"{GITLAB}/shop/ops/-/pipelines/5")
DEPLOYING = replace(
    APPROVED,
    step=Step.DEPLOYING,
    merge_status="merged",
    merged_sha=sha("merge"),
    updated_at=LATER,
    usual_seconds=170.0,
    jobs=(BACKED_UP,),
    services=(
        deployed("cart", Stage.READY),
        deployed("checkout", Stage.SYNCING, "waiting for hook Job/db-migrate"),
        deployed("frontend", Stage.SYNCING, wave=1),
        deployed("payments", Stage.READY),
    ),
)
DONE = replace(
    DEPLOYING,
    step=Step.ENDED,
    state=PromotionState.DONE,
    end=End.SUCCEEDED,
    ended_at=LATER,
    needed=None,
    services=tuple(deployed(i.service, Stage.READY) for i in FOUR),
)
FAILED = replace(
    DONE,
    end=End.FAILED,
    state=PromotionState.FAILED,
    headline="checkout did not become healthy in production.",
    services=(
        deployed("cart", Stage.READY),
        deployed("checkout", Stage.FAILED, "Degraded: Deployment checkout: CrashLoopBackOff"),
        deployed("frontend", Stage.READY),
        deployed("payments", Stage.READY),
    ),
    log=(
        "2026-11-21 14:11:02 INFO  starting checkout 8.4.1",
        "2026-11-21 14:11:03 INFO  connecting to postgres://[redacted]@db/checkout",
        '2026-11-21 14:11:03 ERROR relation "vouchers" does not exist',
        "2026-11-21 14:11:03 ERROR giving up",
    ),
)
ROLLED_BACK = replace(
    DONE,
    kind=Kind.ROLLBACK,
    promotion=P13,
    source="P-12",
    items=tuple(
        replace(i, old=i.new, new=replace(i.old, ref=""), commits=-(i.commits or 0), since=None)
        for i in FOUR[:2]
    ),
    services=tuple(deployed(i.service, Stage.READY) for i in FOUR[:2]),
    approvals=(approval(DAN, 3),),
    held=(ServiceName("cart"), ServiceName("checkout")),
)
