"""What Qbot leaves in GitLab beside commits: deployment records, and pipelines that it starts."""

from collections.abc import Mapping
from typing import Any

import gitlab

from qbot.domain.names import ProjectPath
from qbot.errors import PermanentError, TransientError
from qbot.gateways.gitlab.client import Client, each
from qbot.gateways.gitlab.refusals import VariablesRefused, Write, told

KEY = "QBOT_KEY"  # the variable by which a pipeline is found again
_DEPLOYMENTS = 100  # the newest, among which an earlier record of the same is looked for
_PAGE, _PAGES = 20, 2  # of Qbot's own pipelines on that ref, newest first


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


async def start_pipeline(
    client: Client,
    project: ProjectPath,
    ref: str,
    variables: Mapping[str, str],
    *,
    key: str,
    user: str,
) -> int:
    """Start one unless `user` (Qbot itself) has started one with this key; its id.

    Where GitLab lets Qbot set no variables, one that needs none is started without its key.

    Raises:
        PermanentError: variables are needed and refused, or the answer to a start without a key
            was lost.
    """
    for page in range(1, _PAGES + 1):
        ids = await _own(client, project, ref, user, page)
        keys = await each(ids, lambda number: _key(client, project, number))
        if (found := next((n for n in ids if keys[n] == key), None)) is not None:
            return found
        if len(ids) < _PAGE:
            break
    try:
        return await _start(client, project, ref, {**variables, KEY: key})
    except VariablesRefused as error:
        if variables:
            raise PermanentError(
                f'GitLab does not let Qbot set variables of pipelines of {project}: lower "Minimum '
                'role to use pipeline variables" there (Settings > CI/CD > Variables), or give the '
                "account of the token in QBOT_GITLAB__TOKEN that role."
            ) from error
    try:
        return await _start(client, project, ref, {})
    except TransientError as error:  # without its key it would not be found again
        raise PermanentError(
            f"Whether a pipeline for {ref} of {project} was started is not known: look before it "
            f"is run again. {error}"
        ) from error


async def _start(
    client: Client, project: ProjectPath, ref: str, variables: Mapping[str, str]
) -> int:
    what = f"pipelines for {ref} of {project}"
    data = {"ref": ref, "variables": [{"key": k, "value": v} for k, v in variables.items()]}

    def work(api: gitlab.Gitlab) -> int:
        with told(Write.PIPELINE, what):
            return int(api.projects.get(project, lazy=True).pipelines.create(data).id)

    return await client.call(what, work)


async def _own(client: Client, project: ProjectPath, ref: str, user: str, page: int) -> list[int]:
    def work(api: gitlab.Gitlab) -> list[int]:
        found = api.projects.get(project, lazy=True).pipelines.list(
            ref=ref,
            source="api",
            username=user,
            order_by="id",
            sort="desc",
            per_page=_PAGE,
            page=page,
            get_all=False,
        )
        return [int(p.id) for p in found]

    return await client.call(f"the pipelines for {ref} of {project}", work)


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
