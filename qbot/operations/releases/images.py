"""Which image each version stands for: known when it is asked for, and the same at the merge."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from qbot.domain.images import is_tag
from qbot.domain.names import ServiceName
from qbot.domain.promotion import Item, Pin
from qbot.domain.release_ports import Unreadable
from qbot.domain.stages import Format, Stage
from qbot.errors import UserError
from qbot.operations.gathering import gather
from qbot.operations.releases.admission import named
from qbot.operations.releases.case import Case
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.items import Move
from qbot.operations.releases.offers import repositories
from qbot.operations.releases.proposing import remade
from qbot.operations.releases.versions import DIGEST, with_commits

_HINT = "Put it right and press Retry, or Withdraw."


async def pinned(context: ReleaseContext, stage: Stage, moves: Sequence[Move]) -> list[Move]:
    """The same with what the registry says of each new version's image, all asked at once.

    Raises:
        TransientError: the registry does not answer.
    """
    pins = await _pins(context, stage, {m.service: m.new.text for m in moves})
    return [replace(m, pin=pins[m.service]) for m in moves]


async def as_written(context: ReleaseContext, stage: Stage, moves: Sequence[Move]) -> list[Move]:
    """With digests as texts where the stage's kustomizations have digests.

    What then changes nothing is left out.

    Raises:
        TransientError: GitLab does not answer for which commit an image was made of.
    """
    by_digest = {m.service: m.new for m in moves if _is_by_digest(stage, m) and m.pin.digest}
    known = await with_commits(context, stage, by_digest)
    found = [
        replace(m, new=replace(known[m.service], text=m.pin.digest)) if m.service in known else m
        for m in moves
    ]
    return [m for m in found if m.new.text != m.old.text]


async def repushed(case: Case) -> str:
    """Compare what was agreed to with the registry, right before the merge.

    Where a tag stands for another image now the merge request is made anew, and what people said
    of it is void: why that is, or empty.

    Raises:
        UserError: an image is gone, or the registry does not tell any more.
    """
    bound = {i.service: i for i in case.plan.items if i.pin.digest and i.pin.digest != i.new.text}
    texts = {service: item.new.text for service, item in bound.items()}
    now = await case.run.call("GitLab's registry", lambda: _pins(case.context, case.stage, texts))
    _refuse_unknown(bound, now)
    moved = [s for s, item in bound.items() if now[s].digest != item.pin.digest]
    if not moved:
        return ""
    why = f"another image was pushed since as {named([bound[s] for s in moved])}"
    items = tuple(replace(i, pin=now.get(i.service, i.pin)) for i in case.plan.items)
    head = case.merge_request
    await remade(case, replace(case.plan, items=items), head.base, seen=head.sha, why=why)
    return why


def _refuse_unknown(bound: Mapping[ServiceName, Item], now: Mapping[ServiceName, Pin]) -> None:
    if gone := [item for s, item in bound.items() if now[s].missing]:
        raise UserError(f"The registry has no image any more of {named(gone)}.", hint=_HINT)
    if unknown := [item for s, item in bound.items() if now[s].unknown]:
        why = now[unknown[0].service].unknown
        raise UserError(
            f"Whether {named(unknown)} still is the image that was approved is not known: {why}.",
            hint=_HINT,
        )


def _is_by_digest(stage: Stage, move: Move) -> bool:
    written, wanted = move.old.text.startswith(DIGEST), move.new.text.startswith(DIGEST)
    return stage.config.format is Format.KUSTOMIZE and written and not wanted


async def _pins(
    context: ReleaseContext, stage: Stage, texts: Mapping[ServiceName, str]
) -> Mapping[ServiceName, Pin]:
    found = await gather([_pin(context, stage, s, text) for s, text in texts.items()])
    pins = {}
    for service, pin in zip(texts, found, strict=True):
        if isinstance(pin, Exception):
            raise pin
        pins[service] = pin
    return pins


async def _pin(context: ReleaseContext, stage: Stage, service: ServiceName, text: str) -> Pin:
    if text.startswith(DIGEST):
        return Pin(text)
    there = repositories(context, stage, service)
    if not there:
        return Pin(unknown="qbot.yaml has no `image` of it")
    if not is_tag(text):
        return Pin(unknown="its version is no tag of an image")
    try:
        digest = await context.images.digest(context.base.catalog[service].project, there, text)
    except Unreadable as why:
        return Pin(unknown=context.redact(str(why)).rstrip("."))
    return Pin(digest) if digest else Pin(missing=True)
