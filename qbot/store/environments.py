"""Scripts over environments and the versions that they want."""

from collections.abc import Collection, Sequence

from qbot.domain.environment import Environment, Phase
from qbot.domain.names import BranchName, EnvId, EnvName, ServiceName
from qbot.domain.people import Actor
from qbot.domain.services import FOLLOWING, ServicePlan
from qbot.store.rows import clean, environment_of, optional_time_text, time_text
from qbot.store.statements import Row, Script, listed, sql


def by_id(env: EnvId) -> Script[Environment | None]:
    """One environment, dead or alive."""
    rows = yield sql("select * from environments where id = ?", env)
    return (yield from _one(rows))


def without_plans(env: EnvId) -> Script[Environment | None]:
    """The same in one read."""
    rows = yield sql("select * from environments where id = ?", env)
    return environment_of(rows[0], ()) if rows else None


def by_text(text: str) -> Script[Environment | None]:
    """The living one of this branch or else of this name, else the newest dead one.

    One that was deleted comes before those that never came to be.
    """
    rows = yield sql(
        "select e.* from environments e where e.branch = ? or e.name = ? "
        "order by case when e.phase = 'deleted' then 1 else 0 end, "
        "case when e.branch = ? then 0 else 1 end, "
        "case when exists (select 1 from operations o where o.env_id = e.id "
        "and o.kind = 'teardown' and o.outcome = 'succeeded') then 0 else 1 end, "
        "e.created_at desc limit 1",
        text,
        text,
        text,
    )
    return (yield from _one(rows))


def living(owner: Actor | None, phases: Sequence[Phase]) -> Script[list[Environment]]:
    """Newest first and without their plans; an empty `phases` means every phase but deleted.

    A hundred services of each of a thousand environments would keep the store busy for a second.
    """
    wanted = phases or [phase for phase in Phase if phase.alive]
    rows = yield sql(
        "select * from environments where phase <> 'deleted' "
        "and (cast(? as text) is null or owner = ?) and cast(? as text) like '%,' || phase || ',%' "
        "order by created_at desc, id",
        owner.key if owner else None,
        owner.key if owner else None,
        listed(wanted),
    )
    return [environment_of(row, ()) for row in rows]


def taken(branch: BranchName, name: EnvName) -> Script[Environment | None]:
    """The living environment that has this branch or, by a rare clash of hashes, this name."""
    rows = yield sql(
        "select * from environments where (branch = ? or name = ?) and phase <> 'deleted' "
        "order by case when branch = ? then 0 else 1 end limit 1",
        branch,
        name,
        branch,
    )
    return (yield from _one(rows))


def insert(env: Environment) -> Script[None]:
    """A new row with its plans."""
    yield sql(
        "insert into environments(id, name, branch, owner, phase, created_at, instance, cluster, "
        "url, expires_at, channel) values(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        env.id,
        env.name,
        env.branch,
        env.owner.key,
        env.phase.value,
        time_text(env.created_at),
        env.instance,
        env.cluster,
        env.url,
        optional_time_text(env.expires_at),
        env.channel,
    )
    yield from put_plans(env.id, env.plans)


def put_plans(env: EnvId, plans: Sequence[ServicePlan]) -> Script[None]:
    """Set the wanted versions of these services; new ones come last."""
    rows = yield sql(
        "select coalesce(max(place), 0) as last from environment_services where env_id = ?", env
    )
    for place, plan in enumerate(plans, rows[0]["last"] + 1):
        yield sql(
            "insert into environment_services(env_id, service, place, source, ref, sha, build, "
            "build_url, title, image, set_by, origin, gone) "
            "values(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
            "on conflict(env_id, service) do update set source = excluded.source, "
            "ref = excluded.ref, sha = excluded.sha, build = excluded.build, "
            "build_url = excluded.build_url, title = excluded.title, image = excluded.image, "
            "set_by = excluded.set_by, origin = excluded.origin, gone = excluded.gone",
            env,
            plan.service,
            place,
            plan.source.value,
            clean(plan.ref),
            plan.sha,
            plan.build.value,
            plan.build_url,
            clean(plan.title),
            plan.image,
            plan.by.key if plan.by else None,
            clean(plan.origin),
            int(plan.gone),
        )


def notice(env: EnvId, plans: Collection[ServicePlan]) -> Script[None]:
    """Keep whether the branch is gone, of services that still want what these plans say."""
    for plan in plans:
        yield sql(
            "update environment_services set gone = ? "
            "where env_id = ? and service = ? and source = ? and sha = ?",
            int(plan.gone),
            env,
            plan.service,
            plan.source.value,
            plan.sha,
        )


def without_branch() -> Script[set[EnvId]]:
    """The living ones that ran a branch and of which no service has it any more."""
    rows = yield sql(
        "select e.id from environments e where e.phase <> 'deleted' and e.id in "
        "(select s.env_id from environment_services s where s.gone = 1) "
        "and not exists (select 1 from environment_services s "
        "where s.env_id = e.id and s.source in (?, ?) and s.gone = 0)",
        *(source.value for source in FOLLOWING),
    )
    return {EnvId(row["id"]) for row in rows}


def having(service: ServiceName) -> Script[set[EnvId]]:
    """The living ones that have this service."""
    rows = yield sql(
        "select e.id from environments e join environment_services s on s.env_id = e.id "
        "where e.phase <> 'deleted' and s.service = ?",
        service,
    )
    return {EnvId(row["id"]) for row in rows}


def drop_plans(env: EnvId, services: Sequence[ServiceName]) -> Script[None]:
    """Forget these services."""
    for service in services:
        yield sql("delete from environment_services where env_id = ? and service = ?", env, service)


def advance(env: EnvId, phase: Phase) -> Script[None]:
    """Move on to `phase`.

    Raises:
        ValueError: an environment cannot make this move: a bug in the caller.
    """
    found = yield from without_plans(env)
    if found is None:
        msg = f"no environment {env}"
        raise ValueError(msg)
    moved = found.advance(phase)
    yield sql("update environments set phase = ? where id = ?", moved.phase.value, env)


def _one(rows: Sequence[Row]) -> Script[Environment | None]:
    if not rows:
        return None
    plans = yield sql(
        "select * from environment_services where env_id = ? order by place", rows[0]["id"]
    )
    return environment_of(rows[0], plans)
