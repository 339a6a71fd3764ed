"""What would refuse a command on an environment at this moment, though a rule allows it."""

from qbot.domain.commands import Create
from qbot.domain.names import branch_name
from qbot.domain.operation import BranchTaken, QuotaReached
from qbot.errors import UserError
from qbot.operations.context import Context
from qbot.operations.locking import ensure_free, lock_of
from qbot.operations.requests import Asked, Requests

_CHANGES = ("sync", "deploy", "rollback", "run")
_STAYS = ("extend", "pin")
_KEEPS = ("delete", "lock", "unpin", "transfer")


async def in_the_way(
    context: Context, requests: Requests, verb: str, place: str, asked: Asked
) -> str:
    """A sentence or two; empty: nothing is.

    Raises:
        UserError: there is no such environment, or no branch can have that name.
    """
    if verb == "create":
        return _full(await requests.room(Create(branch_name(place)), asked))
    env = await requests.living(place)
    try:
        if verb in _CHANGES:
            await requests.changeable(place, (), asked.actor)
        elif verb in _STAYS:
            await requests.changeable(place, (), asked.actor, looks=True)
        elif verb in _KEEPS:
            await ensure_free(context.locks, env, asked.actor)
    except UserError as error:
        return str(error)
    if verb == "unlock" and await lock_of(context.locks, env) is None:
        return f"`{env.branch}` is not locked."
    return ""


def _full(answer: BranchTaken | QuotaReached | None) -> str:
    match answer:
        case BranchTaken(environment):
            return f"`{environment.branch}` has an environment already."
        case QuotaReached(limit, None):
            return f"The limit of environments in all, {limit}, is reached."
        case QuotaReached(limit):
            return f"The limit of environments for one person, {limit}, is reached."
        case None:
            return ""
