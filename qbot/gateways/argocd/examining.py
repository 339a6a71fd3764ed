"""What `doctor` reads of one Argo CD: the port `ArgoCDReader`. Nothing here changes anything."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from qbot.domain.diagnosis.rights import SeenApp
from qbot.domain.stages import Stage
from qbot.errors import TransientError
from qbot.gateways.argocd.client import Client
from qbot.gateways.argocd.reading import userinfo
from qbot.gateways.argocd.stage_scope import StageScope
from qbot.gateways.dates import http_date

_WITHIN = 10.0  # seconds for one answer
_FIELDS = ",".join(
    f"items.{path}"
    for path in ("metadata.name", "metadata.namespace", "metadata.labels", "spec.project")
)


class Examination:
    """Reads, each time anew."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def version(self) -> tuple[str, datetime | None]:
        """As Argo CD calls it, and when it said so."""
        found, date = await self._client.version(within=_WITHIN)
        return str(_object(found).get("Version") or ""), http_date(date)

    async def account(self) -> str:
        """Whose the token is; empty: nobody's."""
        found = await userinfo(self._client)
        return str(found.get("username") or "") if found.get("loggedIn") is True else ""

    async def namespace(self) -> str:
        """Where Argo CD itself lives; empty: it does not say."""
        found = await self._get("/settings", "tell its settings")
        return str(_object(found).get("controllerNamespace") or "")

    async def can(self, resource: str, action: str, thing: str) -> bool:
        """Whether the account has a right."""
        path = f"/account/can-i/{resource}/{action}/{thing}"
        found = await self._get(path, f"tell whether Qbot may {action} {resource}")
        return bool(_object(found).get("value") == "yes")

    async def apps(self, stage: Stage) -> Sequence[SeenApp]:
        """Those of a stage that the account may see."""
        scope = StageScope(stage)
        found = await self._client.call(
            "GET",
            "/applications",
            what=f"find the Applications of {stage.name}",
            query={**scope.query, "fields": _FIELDS},
            within=_WITHIN,
        )
        rows = _object(found).get("items") or ()
        return [
            SeenApp(seen.name, seen.project, _namespace(row), seen.service)
            for row in rows
            if (seen := scope.read(row)) is not None
        ]

    async def _get(self, path: str, what: str) -> Any:
        return await self._client.call("GET", path, what=what, within=_WITHIN)


def _namespace(app: dict[str, Any]) -> str:
    return str((app.get("metadata") or {}).get("namespace") or "")


def _object(found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise TransientError("Argo CD's answer is not of the documented form.")
    return found
