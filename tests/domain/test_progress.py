"""What a card is told."""

from collections import Counter

from qbot.domain.names import BranchName, EnvId, EnvName, OpId, ServiceName
from qbot.domain.people import Actor
from qbot.domain.progress import Kind, Progress, ServiceProgress, Stage, Step
from tests.clocks import START

PROGRESS = Progress(
    op=OpId("o1"),
    kind=Kind.CREATE,
    env=EnvId("e1"),
    name=EnvName("qbot-x"),
    branch=BranchName("x"),
    actor=Actor("T1", "U1"),
    step=Step.DEPLOYING,
    started_at=START,
    updated_at=START,
    services=(
        ServiceProgress(ServiceName("cart"), Stage.READY),
        ServiceProgress(ServiceName("orders"), Stage.READY),
        ServiceProgress(ServiceName("web"), Stage.FAILED),
    ),
)


def test_services_are_counted_by_stage() -> None:
    assert PROGRESS.counts() == Counter({Stage.READY: 2, Stage.FAILED: 1})
    assert PROGRESS.counts()[Stage.GONE] == 0


def test_steps_are_in_the_order_of_a_life() -> None:
    life = list(Step)
    assert life[0] is Step.QUEUED
    assert life[-1] is Step.ENDED
    assert life.index(Step.PREPARING) < life.index(Step.DEPLOYING) < life.index(Step.CHECKING)
    assert life.index(Step.STOPPING) < life.index(Step.REMOVING) < life.index(Step.PROVING)
