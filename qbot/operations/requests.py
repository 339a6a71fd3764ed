"""From what a person asked to an operation in the database: the one door for every entry point.

Resolves names, asks the rules, submits. Makes nothing else and waits for nobody.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from qbot.domain.bringing_back import Deleted, in_time
from qbot.domain.commands import Create, Sync
from qbot.domain.environment import Environment, Phase
from qbot.domain.inputs import CreateInput, Input, SyncInput, TeardownInput
from qbot.domain.journal import Submitting
from qbot.domain.lifetime import within
from qbot.domain.names import EnvId, ServiceName, StageName, branch_name, env_name
from qbot.domain.operation import (
    BranchTaken,
    NewEnvironment,
    Operation,
    QuotaReached,
    Submission,
    Submitted,
)
from qbot.domain.people import Actor, Place
from qbot.domain.progress import Hook, Kind
from qbot.domain.rules import known, services_of
from qbot.errors import UserError
from qbot.operations.context import Context
from qbot.operations.locking import ensure_free
from qbot.operations.nearest import alike, did_you_mean
from qbot.operations.rolling import going, not_here

_NEAR = 3


def _similar(text: str, envs: Sequence[Environment]) -> list[str]:
    """What environments with a similar branch or name are called, each once."""
    called: dict[str, str] = {str(e.name): str(e.branch) for e in envs}
    called |= {str(e.branch): str(e.branch) for e in envs}
    return list(dict.fromkeys(called[n] for n in alike(text, called)))[:_NEAR]


def _is_stage(name: str) -> UserError:
    return UserError(
        f"`{name}` is a stage, not an environment.",
        hint=f"`show {name}` says how it is, `history {name}` what was done to it, "
        f"`diff {name} ENV` what differs from an environment, and `promote FROM {name}` brings "
        "it versions.",
    )


def new_env_id() -> EnvId:
    """An id that is never used again: `e` and 12 hex digits."""
    return EnvId(f"e{secrets.token_hex(6)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who asks, where, and the delivery's key (the same key counts once).

    `rule` is what allowed it; the audit log tells.
    """

    actor: Actor
    place: Place
    key: str
    rule: str = ""
    owner: Actor | None = None  # of what a create makes; None: who asks
    hook: Hook | None = None  # that asks for a create


class Requests:
    """Submits operations."""

    def __init__(
        self,
        *,
        context: Context,
        journal: Submitting,
        wake: Callable[[], None],
        new_id: Callable[[], EnvId] = new_env_id,
    ) -> None:
        self._context = context
        self._journal = journal
        self._wake = wake
        self._new_id = new_id

    async def create(self, wanted: Create, asked: Asked) -> Submitted | BranchTaken | QuotaReached:
        """Reserve the branch and queue its creation; a dry run reserves nothing.

        Raises:
            UserError: an unknown service or source, or a branch of Qbot's own making.
        """
        if wanted.branch is None:
            raise UserError("`create` needs a branch.", hint="For instance `create feat/checkout`")
        catalog = self._context.catalog
        services = services_of(catalog, self._context.sets, wanted.services)
        known(catalog, tuple(name for name, _ in wanted.overrides))
        within(wanted.ttl, self._context.rules.longest)
        source = await self.living(wanted.source) if wanted.source else None
        asked_for = CreateInput(
            branch=wanted.branch,
            services=services,
            overrides=wanted.overrides,
            source=source.id if source else None,
            ttl=wanted.ttl,
            dry_run=wanted.dry_run,
            hook=asked.hook,
        )
        return await self._reserve(asked_for, self._new_environment(wanted, asked), asked)

    async def again(self, old: Deleted, asked: Asked) -> Submitted | BranchTaken | QuotaReached:
        """Reserve the branch of one that was deleted, and queue its creation as it was."""
        env = old.environment
        wanted = CreateInput(env.branch, brings_back=env.id, deleted_at=old.at)
        new = self._new_environment(Create(env.branch), replace(asked, owner=env.owner))
        return await self._reserve(wanted, new, asked)

    async def room(self, wanted: Create, asked: Asked) -> BranchTaken | QuotaReached | None:
        """What a create would be refused with now; None: there is room."""
        return await self._context.store.in_the_way(self._new_environment(wanted, asked))

    async def sync(self, wanted: Sync, asked: Asked) -> Submitted:
        """Queue a sync.

        Raises:
            UserError: no such environment, it is going away, or a service that it has not.
        """
        env, services = await self.changeable(
            wanted.env, wanted.services, asked.actor, looks=wanted.dry_run
        )
        asked_for = SyncInput(
            services=services,
            prune=wanted.prune,
            hard=wanted.hard,
            refresh=wanted.refresh,
            dry_run=wanted.dry_run,
        )
        return await self.submit(Kind.SYNC, asked_for, env.id, asked)

    async def resume(self, env_id: EnvId, wanted: SyncInput, asked: Asked) -> Submitted:
        """Retry failed and Resume: a sync of an environment that a card belongs to.

        Raises:
            UserError: the environment is gone or going.
        """
        env = await self.by_id(env_id)
        if gone := going(env):
            raise gone
        await ensure_free(self._context.locks, env, asked.actor)
        return await self.submit(Kind.SYNC, wanted, env.id, asked)

    async def teardown(self, env_id: EnvId, asked: Asked) -> Submitted:
        """Queue the deletion; a running operation of the environment is asked to stop first.

        Raises:
            UserError: the environment is gone.
        """
        env = await self.by_id(env_id)
        await ensure_free(self._context.locks, env, asked.actor)
        return await self.submit(Kind.TEARDOWN, TeardownInput(), env.id, asked)

    async def cancel(self, operation: Operation, actor: Actor) -> None:
        """Ask a queued or running operation to stop.

        Raises:
            UserError: it has ended already, or is a tear-down.
        """
        if operation.kind is Kind.TEARDOWN:
            raise UserError("A deletion cannot be cancelled: what is gone is gone.")
        if not await self._journal.request_cancel(operation.id, actor):
            raise UserError("There is nothing to cancel: it has ended already.")
        self._wake()

    async def changeable(
        self,
        text: str,
        names: Sequence[ServiceName],
        actor: Actor,
        *,
        guess: bool = True,
        looks: bool = False,
    ) -> tuple[Environment, tuple[ServiceName, ...]]:
        """An environment that the actor may change now, and which of its services were listed.

        A set stands for those of its services that the environment has; `guess` as in `living`.
        Who only `looks` changes nothing, which no lock is against.

        Raises:
            UserError: no such environment, it is going away, or a service that it has not.
            BarredError: somebody else has locked it.
        """
        env = await self.living(text, guess=guess)
        if gone := going(env):
            raise gone
        services = self.listed(env, names)
        if not looks:
            await ensure_free(self._context.locks, env, actor)
        return env, services

    def listed(self, env: Environment, names: Sequence[ServiceName]) -> tuple[ServiceName, ...]:
        """Services of an environment as somebody listed them: by name, or by a set's.

        Raises:
            UserError: neither a service nor a set, or the environment has none of it.
        """
        listed = services_of(self._context.catalog, self._context.sets, names)
        if not env.plans:
            return listed
        here = tuple(s for s in listed if env.plan_of(s) is not None)
        for service in listed:
            if service not in here and (service in names or not here):
                raise not_here(env, service)
        return here

    async def living(self, text: str, *, guess: bool = True) -> Environment:
        """The living environment with this branch or name.

        Raises:
            UserError: there is none; with `guess` the message names the nearest ones, which who
                asks for something that cannot be undone is not offered.
        """
        found = await self._context.store.find(text)
        if found and found.phase.alive:
            return found
        if found and await self._was_deleted(found):
            raise await self._deleted(found, anew=guess)
        if text in self._context.stages:
            raise _is_stage(text)
        if not guess:
            raise UserError(
                f"There is no environment for `{text[:80]}`.", hint="`list` shows what there is."
            )
        rows = await self._context.store.environments()
        stages = alike(text, self._context.stages)[:1]
        near = did_you_mean([*stages, *_similar(text, [r.environment for r in rows])])
        ways = ["`list` shows what there is"]
        if not stages:
            ways.append(f"`create {text[:80]}` makes one if a repository has that branch")
        raise UserError(
            f"There is no environment for `{text[:80]}`. {near}".rstrip(),
            hint=f"{'; '.join(ways)}.",
        )

    async def _was_deleted(self, env: Environment) -> bool:
        """Whether it was taken away; a creation that was refused leaves a dead row as well."""
        newest = await self._context.store.operations(env.id, limit=1)
        return not newest or newest[0].kind is Kind.TEARDOWN

    async def _deleted(self, env: Environment, *, anew: bool) -> UserError:
        """What can be done instead; `anew`: who asks may want one of that branch."""
        deleted = await self._context.store.deleted(env.branch)
        within, now = self._context.rules.restorable, self._context.clock.now()
        ways = [f"`create {env.branch}` makes a new one"] if anew else []
        if deleted and in_time(deleted, within, now):
            ways.insert(0, f"`restore {env.branch}` brings its versions back, not its data")
        said = f"The environment of `{env.branch}` has been deleted."
        return UserError(said, hint=f"{'; '.join(ways)}." if ways else "")

    async def by_id(self, env_id: EnvId) -> Environment:
        """The living environment that a button belongs to.

        Raises:
            UserError: it is gone.
        """
        env = await self._context.store.environment(env_id)
        if env is None or not env.phase.alive:
            name = f" of `{env.branch}`" if env else ""
            again = f"`create {env.branch}` makes a new one; " if env else ""
            raise UserError(
                f"The environment{name} is gone already.",
                hint=f"{again}`list` shows what there is.",
            )
        return env

    def _new_environment(self, wanted: Create, asked: Asked) -> NewEnvironment:
        rules, now = self._context.rules, self._context.clock.now()
        ttl = rules.lifetime(wanted.ttl)
        branch = branch_name(wanted.branch or "")
        name = env_name(branch, prefix=rules.prefix)
        env = Environment(
            id=self._new_id(),
            name=name,
            branch=branch,
            owner=asked.owner or asked.actor,
            phase=Phase.CREATING,
            created_at=now,
            instance=rules.instance,
            cluster=rules.cluster,
            url=rules.url_of(name),
            expires_at=now + ttl if ttl else None,
            channel=asked.place.channel,
        )
        return NewEnvironment(env, limit_per_owner=rules.per_owner, limit_total=rules.total)

    async def _reserve(
        self, wanted: CreateInput, new: NewEnvironment, asked: Asked
    ) -> Submitted | BranchTaken | QuotaReached:
        env = None if wanted.dry_run else new.environment.id
        wish = Submission(Kind.CREATE, wanted, env, asked.actor, asked.place, asked.key, asked.rule)
        answer = await self._journal.submit(wish, new)
        self._wake()
        return answer

    async def submit(
        self,
        kind: Kind,
        wanted: Input,
        env: EnvId | None,
        asked: Asked,
        *,
        stage: StageName | None = None,
    ) -> Submitted:
        """Queue an operation that was checked already, for an environment or else a stage."""
        wish = Submission(kind, wanted, env, asked.actor, asked.place, asked.key, asked.rule, stage)
        answer = await self._journal.submit(wish)
        if not isinstance(answer, Submitted):
            raise TypeError(answer)  # only a reservation is refused by the database
        self._wake()
        return answer
