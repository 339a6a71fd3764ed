"""What a tear-down looks for afterwards, and what nobody can look at from here.

That the base Application is absent proves the namespace gone only where Qbot had it deleted in the
foreground: deleted by somebody else, without its finalizer or without cascading, it may have left
the namespace behind. The proof outlives the operation in the audit log. Where there is none it is
"not checked", and said so, and does not hold the environment back: no later look could prove it,
and the branch would be taken for ever.
"""

from dataclasses import dataclass

from qbot.domain.environment import Environment
from qbot.domain.health import AppState
from qbot.domain.names import BASE, ServiceName
from qbot.domain.progress import Proof
from qbot.errors import PermanentError, TransientError
from qbot.operations.context import Context
from qbot.operations.foundation import ENSURED
from qbot.operations.remains import holder, there
from qbot.operations.removal import PROVEN
from qbot.operations.run import Run
from qbot.operations.sitting_out import KNOWN

_OUT_OF_SIGHT = Proof("Volumes and DNS records", None, "Qbot has no access to the cluster")
_NOT_OURS = "its base Application was there no more when Qbot came to delete it"
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Proofs:
    """`all` as they are shown; what is `unproven` holds the environment back.

    `unseen` cannot be looked at in this case and could in others, so it is worth a sentence.
    """

    all: tuple[Proof, ...]
    unproven: tuple[Proof, ...]
    unseen: tuple[Proof, ...]


async def proofs_of(
    run: Run,
    context: Context,
    env: Environment,
    *,
    base_deleted: bool | None,
    succeeded: bool = False,
) -> Proofs:
    """Look at the source of truth.

    Args:
        run: of the tear-down.
        context: ports and rules.
        env: the environment.
        base_deleted: what `Removal` says of it.
        succeeded: another environment lives under the name, and namespace and project are its.
    """
    argocd = context.instance(env)

    async def read(service: ServiceName) -> AppState | None:
        return await argocd.read(env, service)

    async def applications() -> Proof:
        listed = (await argocd.survey(env)).keys() - {BASE}
        found = (await there(run, read, listed)).values()
        names = sorted(str(s.name) for s in found if not succeeded or s.env == env.id)
        return Proof("Applications", not names, ", ".join(names[:_NAMED]))

    async def namespace() -> Proof:
        state = await read(BASE)
        if state is not None:
            return Proof("Namespace", gone=False, note=holder(state))
        return await _without_base(context, env, base_deleted=base_deleted)

    async def project() -> Proof:
        return Proof("AppProject", not await argocd.project_exists(env))

    looks = (("Applications", applications), ("Namespace", namespace), ("AppProject", project))
    found: list[Proof] = []
    blind: list[Proof] = []
    for thing, look in looks[:1] if succeeded else looks:
        try:
            found.append(await run.call(f"proof: {thing}", look, within=KNOWN, sits_out=True))
        except (TransientError, PermanentError) as error:
            found.append(Proof(thing, None, str(error)))
            blind.append(found[-1])
    return Proofs(
        all=tuple(found) if succeeded else (*found, _OUT_OF_SIGHT),
        unproven=tuple(p for p in found if p.gone is False or p in blind),
        unseen=tuple(p for p in found if p.gone is None and p not in blind),
    )


async def _without_base(context: Context, env: Environment, *, base_deleted: bool | None) -> Proof:
    """What the absence of the base Application says about the namespace."""
    if base_deleted is None:
        match await context.store.last_audited(env.id, (ENSURED, PROVEN)):
            case None:
                return Proof("Namespace", gone=True, note="it was never made")
            case last:
                base_deleted = last == PROVEN
    if base_deleted:
        return Proof("Namespace", gone=True)
    return Proof("Namespace", None, _NOT_OURS)
