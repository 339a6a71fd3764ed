"""A small web shop at different moments, for the golden files."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from qbot.domain.environment import Environment, Phase
from qbot.domain.inputs import CreateInput
from qbot.domain.names import BranchName, EnvId, EnvName, OpId, ServiceName
from qbot.domain.operation import EnvironmentSummary, Operation, OpState
from qbot.domain.people import Actor, Place
from qbot.domain.progress import End, Kind, Progress, ServiceProgress, Stage, Step, Usual
from qbot.domain.services import ServicePlan, Source
from qbot.render.style import Style

START = datetime(2026, 11, 21, 14, 0, 3, tzinfo=UTC)
NOW = START + timedelta(seconds=148)
ANA, BEN = Actor("T0ACME", "U0ANA"), Actor("T0ACME", "U0BEN")
STYLE = Style(
    argocd_url="https://argocd.acme.dev",
    hosts=frozenset({"argocd.acme.dev", ".envs.acme.dev", "gitlab.acme.dev"}),
)
SHOP = (
    "frontend", "cart", "catalog", "checkout", "payments", "orders",
    "inventory", "shipping", "search", "accounts", "notifications",
)  # fmt: skip
_ON_BRANCH = {"cart", "checkout", "frontend"}
_SHA = "4be1f0c8d2a7463e95b0f1a2c3d4e5f601234567"


def service(name: str, stage: Stage, *, reason: str = "", url: str = "") -> ServiceProgress:
    mine = name in _ON_BRANCH
    return ServiceProgress(
        ServiceName(name),
        stage,
        source=Source.BRANCH if mine else Source.DEFAULT,
        ref="feat/checkout" if mine else "main",
        sha=_SHA,
        wave=0 if name in {"accounts", "catalog"} else 1,
        sync="Synced" if stage is Stage.READY else "OutOfSync",
        health="Healthy" if stage is Stage.READY else "Progressing",
        reason=reason,
        url=url,
    )


def shop(*special: ServiceProgress, rest: Stage = Stage.READY) -> tuple[ServiceProgress, ...]:
    by = {s.service: s for s in special}
    return tuple(by.get(ServiceName(n)) or service(n, rest) for n in SHOP)


BEGUN = Progress(
    op=OpId("op0017"),
    kind=Kind.CREATE,
    env=EnvId("e0123456789ab"),
    name=EnvName("qbot-feat-checkout-1f3a9c"),
    branch=BranchName("feat/checkout"),
    actor=ANA,
    step=Step.RESOLVING,
    started_at=START,
    updated_at=START + timedelta(seconds=2),
    usual=Usual(170.0, 12, here=False),
    url="https://feat-checkout.envs.acme.dev",
    expires_at=START + timedelta(days=3),
    lifetime=timedelta(days=3),
)
RUNNING = replace(
    BEGUN,
    step=Step.DEPLOYING,
    updated_at=NOW,
    services=shop(
        service("orders", Stage.SYNCING, reason="waiting for hook Job/db-migrate"),
        service("payments", Stage.FAILED, reason="Deployment payments: ImagePullBackOff"),
        service("cart", Stage.BUILDING, url="https://gitlab.acme.dev/shop/cart/-/pipelines/81"),
        service("search", Stage.SYNCING),
    ),
)
READY = replace(
    BEGUN,
    step=Step.ENDED,
    end=End.SUCCEEDED,
    ended_at=START + timedelta(seconds=161),
    updated_at=START + timedelta(seconds=161),
    services=shop(),
)
FAILED = replace(
    READY,
    end=End.FAILED,
    headline="1 service failed: payments; 1 service did not become ready in time: orders.",
    services=shop(
        service("payments", Stage.FAILED, reason="Deployment payments: ImagePullBackOff"),
        service("orders", Stage.SYNCING, reason="waiting for hook Job/db-migrate"),
    ),
)


def environment(number: int = 0, phase: Phase = Phase.READY, owner: Actor = ANA) -> Environment:
    branch = "feat/checkout" if number == 0 else f"feat/ticket-{number}"
    return Environment(
        id=EnvId(f"e{number:012x}"),
        name=EnvName("qbot-feat-checkout-1f3a9c" if number == 0 else f"qbot-ticket-{number}"),
        branch=BranchName(branch),
        owner=owner,
        phase=phase,
        created_at=START - timedelta(hours=5 * number + 1),
        url=f"https://ticket-{number}.envs.acme.dev",
        expires_at=START + timedelta(days=2, hours=number),
        plans=tuple(ServicePlan(ServiceName(n), Source.DEFAULT, "main", _SHA) for n in SHOP),
    )


def operation(progress: Progress) -> Operation:
    return Operation(
        id=progress.op,
        kind=progress.kind,
        input=CreateInput(progress.branch),
        env=progress.env,
        actor=progress.actor,
        place=Place("C0GENERAL"),
        state=OpState.RUNNING,
        created_at=progress.started_at,
        progress=progress,
        end=progress.end,
    )


def summaries(count: int) -> Sequence[EnvironmentSummary]:
    """Many environments: some broken, some under way."""
    phases = [Phase.FAILED, Phase.CREATING, Phase.READY, Phase.READY, Phase.READY, Phase.STUCK]
    rows = []
    for number in range(1, count + 1):
        phase = phases[number % len(phases)] if number < 40 else Phase.READY
        env = environment(number, phase, ANA if number % 2 else BEN)
        active = operation(RUNNING) if phase is Phase.CREATING else None
        rows.append(EnvironmentSummary(env, active, env.created_at))
    return rows
