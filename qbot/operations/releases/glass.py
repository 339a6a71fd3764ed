"""Breaking the glass: who may roll a stage back without anybody's approval."""

from qbot.domain.people import Actor
from qbot.domain.policy import Denied, RefusedError
from qbot.domain.stages import Stage
from qbot.operations.releases.known import Register


async def may_break(register: Register, stage: Stage, reason: str, actor: Actor) -> None:
    """With the roles of this moment and a reason that others will read.

    Raises:
        RefusedError: the glass is not this person's to break.
    """
    if not reason.strip():
        denied = Denied("Breaking the glass needs a reason: everybody will read it.", "reason")
        raise await _refused(register, stage, actor, denied)
    await _entitled(register, stage, actor, fresh=True)


async def before_breaking(register: Register, stage: Stage, actor: Actor) -> None:
    """Whether it makes sense to ask for a reason, by what is known of the person already.

    Raises:
        RefusedError: as for `may_break`.
    """
    await _entitled(register, stage, actor, fresh=False)


async def _entitled(register: Register, stage: Stage, actor: Actor, *, fresh: bool) -> None:
    person = await register.person(actor, fresh=fresh, urgent=True)
    roles = " or ".join(f"`{role}`" for role in stage.break_glass) or "nobody"
    denied = None
    if not person.active:
        denied = Denied("This account is deactivated or blocked.", "inactive")
    elif person.account is None:
        denied = Denied(
            "Breaking the glass needs a GitLab account. `link` connects yours.", "unmapped"
        )
    elif not person.roles & set(stage.break_glass):
        denied = Denied(
            f"Rolling `{stage.name}` back without approvals is for {roles}.", "break-glass"
        )
    if denied is not None:
        raise await _refused(register, stage, actor, denied)


async def _refused(register: Register, stage: Stage, actor: Actor, denied: Denied) -> RefusedError:
    facts = {"stage": stage.name}
    return await register.rights.refuse(actor, "promotion.break-glass", denied, facts)
