"""Webhooks as GitLab lists them, with how the newest delivery went: the port `HookReader`.

https://docs.gitlab.com/api/project_webhooks/
"""

from collections.abc import Mapping, Sequence
from typing import Any

from gitlab.utils import EncodedId

from qbot.domain.diagnosis.findings import Unread
from qbot.domain.diagnosis.hooks import Hook
from qbot.errors import PermanentError
from qbot.gateways.gitlab.client import Client
from qbot.gateways.gitlab.examining import rows
from qbot.redaction import redact


class GitLabHooks:
    """Reads, each time anew."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def hooks(self, place: str, path: str, *, of_group: bool) -> Sequence[Hook]:
        """Those of a project or group, with the last delivery of those to `path`.

        Raises:
            PermanentError: the account may not see them, or GitLab has none for groups.
        """
        root = f"/{'groups' if of_group else 'projects'}/{EncodedId(place)}/hooks"
        found = []
        for each in await rows(self._client, root, f"the webhooks of {place}", per_page="100"):
            ours = str(each["url"]).rstrip("/").endswith(path)
            last = await self._last(f"{root}/{each['id']}/events", place) if ours else None
            found.append(_hook(each, last))
        return found

    async def _last(self, path: str, place: str) -> str | Unread | None:
        try:
            found = await rows(self._client, path, f"the deliveries of {place}", per_page="1")
        except PermanentError as error:
            return Unread(str(error))
        return str(found[0].get("response_status") or "") if found else None


def _hook(told: Mapping[str, Any], last: str | Unread | None) -> Hook:
    secrets = [told.get(name) for name in ("token_present", "signing_token_present")]
    return Hook(
        url=redact(str(told["url"])),
        events=frozenset(k for k, v in told.items() if k.endswith("_events") and v is True),
        branches=redact(str(told.get("push_events_branch_filter") or "")),
        status=str(told.get("alert_status") or "executable"),
        verifies=told.get("enable_ssl_verification") is not False,
        proved=any(secrets) or all(one is None for one in secrets),  # older ones do not say
        last=last,
    )
