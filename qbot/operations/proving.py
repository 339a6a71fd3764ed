"""What a tear-down looks for afterwards, and what nobody can look at from here."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from qbot.domain.environment import Environment
from qbot.domain.names import BASE
from qbot.domain.ports import ArgoCD
from qbot.domain.progress import Proof
from qbot.errors import PermanentError, TransientError
from qbot.operations.removal import holder
from qbot.operations.run import Run

_PATIENCE = 60.0  # seconds for each look
_OUT_OF_SIGHT = Proof("Volumes and DNS records", None, "Qbot has no access to the cluster")
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Proofs:
    """`checked` are those that have to hold before an environment counts as deleted."""

    checked: tuple[Proof, ...]

    @property
    def all(self) -> tuple[Proof, ...]:
        """With what cannot be checked."""
        return (*self.checked, _OUT_OF_SIGHT)

    @property
    def unproven(self) -> tuple[Proof, ...]:
        """There still, or not to be seen although it should be."""
        return tuple(p for p in self.checked if not p.gone)


async def proofs_of(run: Run, argocd: ArgoCD, env: Environment) -> Proofs:
    """Look at the source of truth; the base Application's 404 stands for the namespace."""

    async def applications() -> Proof:
        states = await argocd.survey(env)
        names = sorted(str(s.name) for n, s in states.items() if n != BASE)
        return Proof("Applications", not names, ", ".join(names[:_NAMED]))

    async def namespace() -> Proof:
        state = await argocd.read(env, BASE)
        return Proof("Namespace", state is None, holder(state) if state else "")

    async def project() -> Proof:
        return Proof("AppProject", not await argocd.project_exists(env))

    looks = (("Applications", applications), ("Namespace", namespace), ("AppProject", project))
    return Proofs(tuple([await _proof(run, thing, look) for thing, look in looks]))


async def _proof(run: Run, thing: str, look: Callable[[], Awaitable[Proof]]) -> Proof:
    try:
        return await run.call(f"proof: {thing}", look, within=_PATIENCE)
    except (TransientError, PermanentError) as error:
        return Proof(thing, None, str(error))
