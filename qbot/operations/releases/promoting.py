"""What a promotion changes: the source's versions where the stage has others."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from qbot.domain.environment import Environment, Phase
from qbot.domain.inputs import PromoteInput
from qbot.domain.listing import some
from qbot.domain.names import ServiceName
from qbot.domain.promotion import Version
from qbot.domain.stages import ENVIRONMENTS, Stage
from qbot.errors import UserError
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.draft import Planned, drafted
from qbot.operations.releases.images import as_written, pinned
from qbot.operations.releases.items import Move
from qbot.operations.releases.offers import Offer, of_environment, of_stage, own_services
from qbot.operations.releases.undelivered import nothing_left
from qbot.operations.releases.whole import merged_whole
from qbot.operations.releases.written import Written, written

_NAMED = 6  # services in one sentence
_OWN_ONLY = (
    "Of an environment what has the branch, or a version set by name, is promoted; name other "
    "services to promote them as well."
)
_GONE = (Phase.DELETED, Phase.DELETING, Phase.STUCK)


@dataclass(frozen=True, slots=True)
class _Choice:
    """Where from and which services; `named`: the person said which."""

    source: Stage | Environment
    services: tuple[ServiceName, ...]
    named: bool

    @property
    def place(self) -> str:
        """As people say it."""
        here = self.source
        return here.branch if isinstance(here, Environment) else here.name


async def promotion(context: ReleaseContext, stage: Stage, asked: PromoteInput) -> Planned:
    """Read both sides at once and say what differs.

    Raises:
        UserError: it cannot be promoted from there, a service is in the way, or nothing differs.
    """
    choice = _choice(stage, await _source(context, stage, asked), asked)
    target, offers = await asyncio.gather(
        written(context, stage, choice.services), _offers(context, choice, stage)
    )
    moves = _moves(choice, target, offers, asked)
    _refuse_drift(choice, target, offers, asked)
    moves = await as_written(context, stage, await pinned(context, stage, moves))
    if not moves:
        raise await nothing_left(context, stage, choice.place, choice.services)
    found = await drafted(context, target, choice.place, moves, stage.approvals)
    if _is_whole(stage, choice, asked) and isinstance(choice.source, Stage):
        return await merged_whole(context, choice.source, target, found)
    return found


async def _source(
    context: ReleaseContext, stage: Stage, asked: PromoteInput
) -> Stage | Environment:
    """Where from, if that may be.

    Raises:
        UserError: the stage takes nothing from there, or it is gone.
    """
    some = " or ".join(f"`{name}`" for name in stage.sources)
    if asked.source is not None:
        if asked.source not in stage.sources:
            raise UserError(
                f"`{stage.name}` is not promoted to from `{asked.source}`.",
                hint=f"It is promoted to from {some}.",
            )
        return context.stage(asked.source)
    env = await context.base.environment(asked.env)
    if ENVIRONMENTS not in stage.sources:
        raise UserError(
            f"`{stage.name}` is not promoted to from branch environments.",
            hint=f"It is promoted to from {some}.",
        )
    if env.phase in _GONE:
        raise UserError(f"The environment `{env.branch}` is gone or going.")
    return env


def _choice(stage: Stage, source: Stage | Environment, asked: PromoteInput) -> _Choice:
    there = _services(source)
    choice = _Choice(source, asked.services, named=bool(asked.services))
    if asked.services:
        _known(asked.services, stage.services, f"`{stage.name}`")
        _known(asked.services, there, f"`{choice.place}`")
    else:
        ours = own_services(source) if isinstance(source, Environment) else there
        choice = _Choice(source, tuple(s for s in ours if s in stage.services), named=False)
    _known(asked.running, choice.services, "this promotion")
    if not choice.services:
        raise UserError(
            f"`{choice.place}` has no service that could be promoted to `{stage.name}`.",
            hint=_OWN_ONLY if isinstance(source, Environment) else "",
        )
    return choice


def _services(source: Stage | Environment) -> tuple[ServiceName, ...]:
    if isinstance(source, Environment):
        return tuple(plan.service for plan in source.plans)
    return source.services


def _known(asked: Collection[ServiceName], there: Collection[ServiceName], place: str) -> None:
    for service in asked:
        if service not in there:
            near = get_close_matches(service, there, n=1)
            meant = f" Did you mean `{near[0]}`?" if near else ""
            raise UserError(f"There is no service `{service[:40]}` in {place}.{meant}")


async def _offers(
    context: ReleaseContext, choice: _Choice, stage: Stage
) -> Mapping[ServiceName, Offer]:
    if isinstance(choice.source, Environment):
        return await of_environment(context, choice.source, stage, choice.services)
    return await of_stage(context, choice.source, stage, choice.services)


def _moves(
    choice: _Choice, target: Written, offers: Mapping[ServiceName, Offer], asked: PromoteInput
) -> list[Move]:
    """Where the chosen version is another one than the stage has."""
    if choice.named or not target.texts:
        for service in choice.services:
            target.need(service)
    moves = []
    for service in choice.services:
        offer = offers.get(service)
        if offer is None:
            if choice.named:
                raise UserError(f"`{choice.place}` has no version of `{service}`.")
            continue
        if service not in target.texts:
            continue  # not in this stage yet: there is nothing that could be edited
        new = _chosen(choice, service, offer, asked)
        if new.text != target.texts[service]:
            drift = offer.drift if service in asked.running else ""
            moves.append(Move(service, Version(target.texts[service]), new, offer.since, drift))
    _refuse_unready(choice, moves, offers)
    return moves


def _chosen(choice: _Choice, service: ServiceName, offer: Offer, asked: PromoteInput) -> Version:
    if service not in asked.running:
        return offer.version
    if offer.runs is None:
        raise UserError(
            f"What runs of `{service}` in `{choice.place}` is not known: {offer.drift}.",
            hint=f"Sync `{choice.place}` in Argo CD first.",
        )
    return offer.runs


def _refuse_unready(
    choice: _Choice, moves: Sequence[Move], offers: Mapping[ServiceName, Offer]
) -> None:
    problems = [f"`{m.service}`: {p}" for m in moves if (p := offers[m.service].problem)]
    if problems:
        raise UserError(
            f"Not everything in `{choice.place}` is ready. {some(problems, _NAMED, between='; ')}.",
            hint="Promote it when it runs, or name the services that do.",
        )


def _refuse_drift(
    choice: _Choice, target: Written, offers: Mapping[ServiceName, Offer], asked: PromoteInput
) -> None:
    """What runs and what is written are two versions: people say which one they mean.

    Where both are what the stage has already, there is nothing to say.
    """
    drifted = []
    for service, offer in offers.items():
        if not offer.drift or service in asked.running or service not in target.texts:
            continue
        both = {offer.version.text, offer.runs.text if offer.runs else offer.version.text}
        if both != {target.texts[service]}:
            drifted.append(service)
    if drifted:
        problems = [f"`{service}`: {offers[service].drift}" for service in drifted]
        told, names = some(problems, _NAMED, between="; "), ",".join(drifted)
        raise UserError(
            f"What runs in `{choice.place}` is not what is written. {told}.",
            hint=f"`--running {names}` promotes what runs; or sync `{choice.place}` in Argo CD "
            "first, and promote what is written.",
        )


def _is_whole(stage: Stage, choice: _Choice, asked: PromoteInput) -> bool:
    return stage.config.whole and not choice.named and not asked.running
