"""Create or bring up to date, without ever taking over what is somebody else's.

Create without upsert comes first: an upsert replaces whatever has that name. Argo CD refuses
that create for the slightest difference (its notifications add annotations), so a refusal is
followed by a look at whose it is.
"""

from typing import Any

from qbot.domain.environment import Environment
from qbot.domain.health import AppState
from qbot.errors import ForeignError, PermanentError, TransientError
from qbot.gateways.argocd.client import Client
from qbot.gateways.argocd.errors import DiffersError
from qbot.gateways.argocd.labels import is_dying, is_ours, owner_of
from qbot.gateways.argocd.reading import get_application, get_project
from qbot.gateways.argocd.states import state

Json = dict[str, Any]

_VALIDATION = 90.0  # seconds: clones the repository, renders the chart, asks the cluster


async def ensure_application(
    client: Client, env: Environment, wanted: Json, *, validate: bool
) -> AppState:
    """The Application as wanted.

    Raises:
        UserError: Argo CD refuses the chart or the revision.
        TransientError: it is still being deleted, or just went.
        PermanentError: a foreign one has the name.
    """
    name = wanted["metadata"]["name"]
    try:
        made = await _post_application(client, wanted, validate=validate, upsert=False)
    except DiffersError:
        existing = await get_application(client, str(env.name), name)
        if existing is None:
            # In another project, or gone since the refusal: the next try tells which.
            made = await _once_more(client, wanted, validate=validate)
        else:
            _check("Application", name, existing, env)
            made = await _post_application(client, wanted, validate=validate, upsert=True)
    # An identical create is answered with the existing object, even with a dying one.
    _check("Application", name, made, env)
    return state(made)


async def _once_more(client: Client, wanted: Json, *, validate: bool) -> Json:
    name = wanted["metadata"]["name"]
    try:
        return await _post_application(client, wanted, validate=validate, upsert=False)
    except DiffersError:
        raise PermanentError(
            f"An Application {name} exists in another project: it is not this environment's."
        ) from None


async def _post_application(client: Client, wanted: Json, *, validate: bool, upsert: bool) -> Json:
    name = wanted["metadata"]["name"]
    query = {"validate": "true" if validate else "false"}
    if upsert:
        query["upsert"] = "true"
    made: Json = await client.call(
        "POST",
        "/applications",
        what=f"{'update' if upsert else 'create'} the Application {name}",
        name=name,
        query=query,
        body=wanted,
        persons=True,
        within=_VALIDATION,
    )
    return made


async def ensure_project(client: Client, env: Environment, wanted: Json) -> None:
    """The AppProject as wanted.

    Raises:
        TransientError: it is still being deleted, or somebody writes it at the same moment.
        PermanentError: a foreign one has the name.
    """
    name = wanted["metadata"]["name"]
    try:
        made = await _post_project(client, wanted, upsert=False)
    except DiffersError:
        existing = await get_project(client, name)
        if existing is None:
            raise TransientError(f"The AppProject {name} has just been deleted.") from None
        _check("AppProject", name, existing, env)
        made = await _post_project(client, wanted, upsert=True)
    # An equal spec is answered with the existing object, whatever its labels say.
    _check("AppProject", name, made, env)


async def _post_project(client: Client, wanted: Json, *, upsert: bool) -> Json:
    name = wanted["metadata"]["name"]
    made: Json = await client.call(
        "POST",
        "/projects",
        what=f"{'update' if upsert else 'create'} the AppProject {name}",
        name=name,
        body={"project": wanted, "upsert": upsert},
    )
    return made


def _check(kind: str, name: str, found: Json, env: Environment) -> None:
    if not is_ours(found, env):
        raise ForeignError(
            f"The {kind} {name} exists and is not this environment's; Qbot leaves it alone. "
            "Rename or remove it, or set another prefix.",
            owner=owner_of(found),
        )
    if is_dying(found):
        raise TransientError(f"The {kind} {name} is still being deleted.")
