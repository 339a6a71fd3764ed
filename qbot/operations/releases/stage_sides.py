"""What runs in a stage and what is written for it, as far as its neighbours tell: for `show`."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from qbot.domain.differences import Side
from qbot.domain.drift import may_be_deploying, running
from qbot.domain.names import PromotionId, ServiceName
from qbot.domain.outages import Away, Vendor
from qbot.domain.promotion import Promotion, PromotionState, Version
from qbot.domain.release_ports import StageApp
from qbot.domain.stage_view import Gap, StageSides
from qbot.domain.stages import Stage
from qbot.errors import AwayError, QbotError, TransientError
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.offers import offered, repositories
from qbot.operations.releases.written import Written, written

_PATIENCE = 15.0  # seconds for Argo CD and GitLab: a person waits

Told = TypeVar("Told")
Apps = Mapping[ServiceName, StageApp]


async def stage_sides(
    context: ReleaseContext, stage: Stage, under_way: Sequence[Promotion]
) -> StageSides:
    """One that does not answer keeps nothing from being known that the other one tells."""
    (apps, argocd), (there, gitlab) = await asyncio.gather(
        _told(context, _Asked(Vendor.ARGOCD, "Argo CD", stage.instance), _survey(context, stage)),
        _told(context, _Asked(Vendor.GITLAB, "GitLab"), written(context, stage, stage.services)),
    )
    return StageSides(
        of=_sides(context, stage, apps, there),
        bringing=_brought(under_way, apps, there),
        argocd=argocd,
        gitlab=gitlab,
    )


def _sides(
    context: ReleaseContext, stage: Stage, apps: Apps | None, there: Written | None
) -> Mapping[ServiceName, Side]:
    if there is None:
        # Without an Application nobody can say whether the stage should have the service.
        return {service: _run(context, stage, app) for service, app in (apps or {}).items()}
    texts = {service: text for service, text in there.texts.items() if text}
    if apps is None:
        return {service: Side(Version(text)) for service, text in texts.items()}
    offers = {s: offered(context, stage, s, text, apps.get(s)) for s, text in texts.items()}
    return {service: Side(o.runs or o.version, o.drift) for service, o in offers.items()}


def _run(context: ReleaseContext, stage: Stage, app: StageApp) -> Side:
    service = app.state.service
    seen = running(service, app, repositories(context, stage, service))
    return Side(Version(seen.text) if seen.text else None, seen.problem)


def _brought(
    under_way: Sequence[Promotion], apps: Apps | None, there: Written | None
) -> Mapping[ServiceName, PromotionId]:
    """What is merged and on its way, unless something else is written or it needs somebody."""
    edits = [
        (edit, p.id)
        for p in under_way
        if p.state is PromotionState.MERGED and p.plan
        for edit in p.plan.edits
    ]
    return {
        edit.service: number
        for edit, number in edits
        if (there is None or there.texts.get(edit.service) == edit.new)
        and may_be_deploying((apps or {}).get(edit.service))
    }


async def _survey(context: ReleaseContext, stage: Stage) -> Apps:
    return await context.argocd(stage).survey(stage)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Whom."""

    vendor: Vendor
    name: str
    server: str = ""


async def _told(
    context: ReleaseContext, whom: _Asked, answer: Awaitable[Told]
) -> tuple[Told | None, Gap]:
    """What it says, or why nothing: who is away, with since when where that is known."""
    outages = context.base.outages
    try:
        async with asyncio.timeout(_PATIENCE):
            return await answer, ""
    except TimeoutError:
        late = f"{whom.name} does not answer in time"
        return None, outages.known(whom.vendor, whom.server) or late
    except AwayError as error:
        return None, Away(whom.vendor, error.name, error.since, whom.server)
    except TransientError as error:
        return None, outages.known(whom.vendor, whom.server) or str(error)
    except QbotError as error:
        return None, str(error)
