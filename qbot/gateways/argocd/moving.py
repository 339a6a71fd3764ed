"""What moves an Application that exists: a look at its repository, a sync."""

from typing import Any

import structlog

from qbot.domain.names import OpId
from qbot.errors import PermanentError, TransientError
from qbot.gateways.argocd.client import Client
from qbot.gateways.argocd.errors import NothingRunsError, NotThereError
from qbot.gateways.argocd.states import INFO

log = structlog.get_logger()

_REFRESH = 5.0  # seconds; Argo CD itself would block until its controller has time


async def refresh(client: Client, project: str, name: str, *, hard: bool) -> None:
    """Have it compared anew; the comparison goes on when nobody waits for it.

    Args:
        client: the connection.
        project: its AppProject.
        name: its name.
        hard: drop the manifest cache too.

    Raises:
        PermanentError: it does not exist, or Argo CD refuses.
    """
    try:
        await _call(
            client,
            "GET",
            f"/applications/{name}",
            what=f"refresh the Application {name}",
            name=name,
            query={"project": project, "refresh": "hard" if hard else "normal"},
            within=_REFRESH,
        )
    except TransientError as error:
        log.info("refresh not awaited", project=project, application=name, why=str(error))


async def sync(
    client: Client, project: str, name: str, *, op: OpId, prune: bool, dry_run: bool
) -> None:
    """Ask for a sync that carries the operation's id.

    No revision: with auto-sync on, Argo CD refuses any but targetRevision itself.

    Raises:
        UserError: Argo CD refuses the chart or the revision.
        TransientError: another operation is in progress.
        PermanentError: it does not exist, or there is no right to.
    """
    await _call(
        client,
        "POST",
        f"/applications/{name}/sync",
        what=f"sync the Application {name}",
        name=name,
        body={
            "project": project,
            "prune": prune,
            "dryRun": dry_run,
            "infos": [{"name": INFO, "value": str(op)}],
        },
        persons=True,
    )


async def terminate(client: Client, project: str, name: str) -> None:
    """Have the running sync stopped, some time after the answer; fine where none runs."""
    try:
        await client.call(
            "DELETE",
            f"/applications/{name}/operation",
            what=f"terminate the sync of {name}",
            name=name,
            query={"project": project},
        )
    except (NothingRunsError, NotThereError):
        return


async def _call(client: Client, method: str, path: str, *, name: str, **rest: Any) -> Any:
    """A call on an Application that has to exist."""
    try:
        return await client.call(method, path, name=name, **rest)
    except NotThereError:
        raise PermanentError(f"The Application {name} does not exist any more.") from None
