"""What is passed with a right to it, and the ways past what is in somebody's way."""

from collections.abc import Collection, Sequence

from qbot.domain.barriers import BarredError, Barrier
from qbot.domain.names import ServiceName
from qbot.domain.people import Actor
from qbot.domain.stages import Stage
from qbot.operations.releases.known import Register

_EMERGENCIES = ("freeze", "lock")  # kinds of barriers that a broken glass passes


def in_emergency(found: Sequence[Barrier]) -> tuple[Barrier, ...]:
    """Those that are left where the glass is broken: that right was judged before."""
    return tuple(b for b in found if b.rule not in _EMERGENCIES)


def barred_by(
    stops: Sequence[Barrier],
    stage: Stage,
    *,
    back: bool,
    exempt: bool = True,
    after: str = "",
    noted: bool = False,
    services: Collection[ServiceName] = (),
) -> BarredError:
    """What to raise; it names who has a way past, and how.

    Args:
        stops: at least one.
        stage: that they are in front of.
        back: whether it is a rollback that they stop.
        exempt: whether who is exempt could have it: people enough are left to approve it.
        after: what can be done when they are gone.
        noted: the audit log has it already.
        services: that were to change, where some of them can be left out.
    """
    free = set(services).difference(*(barrier.services for barrier in stops))
    ways = _ways(stops, stage, back=back, exempt=exempt, rest=bool(free))
    hint = " ".join(part for part in (after, *ways) if part)
    return BarredError(stops, hint=hint, noted=noted)


async def needs_reason(
    register: Register, stage: Stage, services: Collection[ServiceName], actor: Actor
) -> bool:
    """Whether a rollback is stopped by nothing but what this person passes with a reason."""
    found = await register.context.barriers(stage, services, actor, back=True)
    if not found or not all(barrier.exempt for barrier in found):
        return False
    person = await register.person(actor, fresh=False)
    return person.active and bool(person.roles & set(stage.exempt))


def _ways(
    stops: Sequence[Barrier], stage: Stage, *, back: bool, exempt: bool, rest: bool
) -> list[str]:
    rules = {barrier.rule for barrier in stops}
    ways = []
    if exempt and stage.exempt and all(b.exempt for b in stops):
        ways.append(
            f"{_any_of(stage.exempt)} may ask for it with `--reason`, which passes a freeze and is "
            "recorded."
        )
    if any(b.rule == "freeze" and b.by is not None for b in stops):
        ways.append(f"`unfreeze {stage.name}` is for those who may approve.")
    if "hold" in rules:
        named = "; what is not held can be promoted by name" if rest else ""
        ways.append(f"`release {stage.name}` is for those who may approve{named}.")
    if "lock" in rules:
        ways.append(f"`unlock {stage.name}` is for whoever locked it and those who may approve.")
    if back and stage.break_glass and rules <= set(_EMERGENCIES):
        glass = f"`rollback {stage.name} --break-glass`"
        ways.append(f"In an emergency {_any_of(stage.break_glass)} may use {glass}.")
    return ways


def _any_of(roles: Sequence[str]) -> str:
    return " or ".join(f"`{role}`" for role in roles)
