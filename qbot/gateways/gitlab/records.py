"""What Qbot leaves in GitLab beside commits: deployment records, and pipelines that it starts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gitlab

from qbot.domain.names import ProjectPath
from qbot.errors import PermanentError
from qbot.gateways.gitlab.client import Client, each
from qbot.gateways.gitlab.refusals import VariablesRefused, Write, told

KEY = "QBOT_KEY"  # the variable by which a pipeline is found again
_DEPLOYMENTS = 100  # the newest, among which an earlier record of the same is looked for
_PAGE = 20  # pipelines of Qbot's own on a ref


async def record_deployment(
    client: Client,
    project: ProjectPath,
    *,
    environment: str,
    sha: str,
    ref: str,
    succeeded: bool,
) -> None:
    """Once for each environment, commit and outcome."""
    status = "success" if succeeded else "failed"
    if sha in await _deployed(client, project, environment, status):
        return
    what = f"the deployments to {environment} of {project}"
    data = {"environment": environment, "sha": sha, "ref": ref, "tag": False, "status": status}

    def work(api: gitlab.Gitlab) -> None:
        with told(Write.DEPLOYMENT, what):
            api.projects.get(project, lazy=True).deployments.create(data)

    await client.call(what, work)


async def _deployed(
    client: Client, project: ProjectPath, environment: str, status: str
) -> list[str]:
    def work(api: gitlab.Gitlab) -> list[str]:
        found = api.projects.get(project, lazy=True).deployments.list(
            environment=environment,
            status=status,
            order_by="id",
            sort="desc",
            per_page=_DEPLOYMENTS,
            get_all=False,
        )
        return [str(d.sha) for d in found]

    return await client.call(f"the deployments to {environment} of {project}", work)


@dataclass(frozen=True, slots=True)
class Own:
    """Pipelines that `user` (Qbot itself) has started by the API for a ref, after another one."""

    project: ProjectPath
    ref: str
    user: str
    after: int


async def newest_pipeline(client: Client, project: ProjectPath, ref: str, user: str) -> int:
    """The newest one that `user` has started there; 0: none."""
    return next(iter(await _page(client, Own(project, ref, user, 0), 1)), 0)


async def start_pipeline(
    client: Client, own: Own, variables: Mapping[str, str], *, key: str
) -> int:
    """Start one unless one of these has this key; its id.

    Where GitLab lets Qbot set no variables, one that needs none is started without its key; that
    has nothing that would tell it from another start of the same: the first of these is it.

    Raises:
        PermanentError: variables are needed and refused.
    """
    keys = await _keys(client, own)
    if (found := _with_key(keys, key)) is not None:
        return found
    try:
        return await _start(client, own, {**variables, KEY: key})
    except VariablesRefused as error:
        if variables:
            raise PermanentError(
                f"GitLab does not let Qbot set variables of pipelines of {own.project}: lower "
                '"Minimum role to use pipeline variables" there (Settings > CI/CD > Variables), or '
                "give the account of the token in QBOT_GITLAB__TOKEN that role."
            ) from error
    bare = [number for number, its in keys.items() if not its]
    return min(bare) if bare else await _start(client, own, {})


async def found_pipeline(client: Client, own: Own, *, key: str) -> int | None:
    """The one of these that has this key."""
    return _with_key(await _keys(client, own), key)


def _with_key(keys: Mapping[int, str], key: str) -> int | None:
    return next((number for number, its in keys.items() if its == key), None)


async def _keys(client: Client, own: Own) -> Mapping[int, str]:
    """What marks each of them; empty: nothing does."""
    ids: list[int] = []
    page = 1
    while found := [n for n in await _page(client, own, page) if n > own.after]:
        ids += found
        if len(found) < _PAGE:
            break
        page += 1
    return await each(ids, lambda number: _key(client, own.project, number))


async def _start(client: Client, own: Own, variables: Mapping[str, str]) -> int:
    what = f"pipelines for {own.ref} of {own.project}"
    data = {"ref": own.ref, "variables": [{"key": k, "value": v} for k, v in variables.items()]}

    def work(api: gitlab.Gitlab) -> int:
        with told(Write.PIPELINE, what):
            return int(api.projects.get(own.project, lazy=True).pipelines.create(data).id)

    return await client.call(what, work)


async def _page(client: Client, own: Own, page: int) -> list[int]:
    """Newest first."""

    def work(api: gitlab.Gitlab) -> list[int]:
        found = api.projects.get(own.project, lazy=True).pipelines.list(
            ref=own.ref,
            source="api",
            username=own.user,
            order_by="id",
            sort="desc",
            per_page=_PAGE,
            page=page,
            get_all=False,
        )
        return [int(p.id) for p in found]

    return await client.call(f"the pipelines for {own.ref} of {own.project}", work)


async def _key(client: Client, project: ProjectPath, pipeline: int) -> str:
    def work(api: gitlab.Gitlab) -> str:
        found: Any = api.projects.get(project, lazy=True).pipelines.get(pipeline, lazy=True)
        listed = found.variables.list(get_all=True)
        return next((str(v.value) for v in listed if v.key == KEY), "")

    return await client.call(f"the variables of pipeline {pipeline} of {project}", work)


async def pipeline(client: Client, project: ProjectPath, number: int) -> tuple[str, str]:
    """Its status, and its URL."""

    def work(api: gitlab.Gitlab) -> tuple[str, str]:
        found = api.projects.get(project, lazy=True).pipelines.get(number)
        return str(found.status), str(found.web_url)

    return await client.call(f"pipeline {number} of {project}", work)


async def own_name(client: Client) -> str:
    """The username of the token's account."""

    def work(api: gitlab.Gitlab) -> str:
        found = api.http_get("/user")
        if not isinstance(found, dict):
            raise TypeError(type(found))  # not JSON
        return str(found["username"])

    try:
        return await client.call("the account of the token in use", work)
    except PermanentError as error:
        raise PermanentError(f"Qbot cannot tell its own doings from others': {error}") from error
