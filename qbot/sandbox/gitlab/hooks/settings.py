"""What may be said about a webhook when it is made or changed, and what is told of it."""

import re
from typing import Any
from urllib.parse import urlsplit

from qbot.sandbox.gitlab.ask import Ask
from qbot.sandbox.gitlab.errors import ApiError, NotBuiltError, message
from qbot.sandbox.gitlab.hooks.records import KINDS, OTHERS, OTHERS_OF_GROUPS, Hook
from qbot.sandbox.gitlab.hooks.signing import key_of
from qbot.sandbox.gitlab.model import Project
from qbot.sandbox.gitlab.params import Params
from qbot.sandbox.gitlab.shapes import moment

_STRATEGIES = ("wildcard", "regex", "all_branches")
_PLAIN = (
    "url token signing_token name description enable_ssl_verification push_events_branch_filter "
    "branch_filter_strategy custom_headers"
)
TAKES = f"{_PLAIN} {' '.join(KINDS)} {' '.join(set(OTHERS) - {'repository_update_events'})}"
TAKES_OF_GROUPS = f"{TAKES} {' '.join(OTHERS_OF_GROUPS)}"
LACKS = "custom_webhook_template url_variables"


def apply(params: Params, hook: Hook) -> None:
    """Set what was sent; another address forgets the secret token, unless it comes along.

    Raises:
        ApiError: as GitLab refuses what makes no sense.
    """
    _check_others(params)
    wanted = {f for f in KINDS if params.boolean(f, default=f in hook.wanted)}
    url = params.text("url") if params.raw("url") is not None else hook.url
    _check_url(url)
    strategy = params.choice("branch_filter_strategy", _STRATEGIES, hook.filter_strategy)
    pattern = params.text("push_events_branch_filter", hook.branch_filter)
    _check_filter(strategy, pattern)
    signing = params.text("signing_token", hook.signing_token)
    if signing and key_of(signing) is None:
        raise message(400, {"signing_token": ["is invalid"]})
    hook.token = params.text("token", hook.token if url == hook.url else "")
    hook.url, hook.wanted, hook.signing_token = url, wanted, signing
    hook.filter_strategy, hook.branch_filter = strategy, pattern
    hook.name = params.text("name", hook.name or "") or None
    hook.description = params.text("description", hook.description or "") or None
    hook.verify_tls = params.boolean("enable_ssl_verification", default=hook.verify_tls)
    if params.raw("custom_headers") is not None:
        given = params.objects("custom_headers")
        hook.headers = {str(each.get("key")): str(each.get("value")) for each in given}


def _check_others(params: Params) -> None:
    """Nobody waits here for events that never come."""
    for flag in (*OTHERS, *OTHERS_OF_GROUPS):
        if params.boolean(flag):
            raise NotBuiltError(f"a webhook with {flag}")


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        valid = False
    if not valid:
        raise ApiError(422, {"error": "Invalid url given"})


def _check_filter(strategy: str, pattern: str) -> None:
    try:
        re.compile(pattern if strategy == "regex" else "")
    except re.error:
        raise ApiError(422, {"error": "Invalid branch filter given"}) from None


def hook_json(ask: Ask, hook: Hook) -> dict[str, Any]:
    """A webhook; of its secrets only whether there are any."""
    now = ask.world.now()
    of_project = isinstance(hook.place, Project)
    others = OTHERS if of_project else (*OTHERS, *OTHERS_OF_GROUPS)
    return {
        "id": hook.id,
        "url": hook.url,
        "name": hook.name,
        "description": hook.description,
        "created_at": moment(hook.created_at),
        **{flag: flag in hook.wanted for flag in KINDS},
        **dict.fromkeys(others, False),
        "enable_ssl_verification": hook.verify_tls,
        "alert_status": hook.alert_status(now),
        "disabled_until": moment(hook.disabled_until),
        "url_variables": [],
        "push_events_branch_filter": hook.branch_filter or None,
        "branch_filter_strategy": hook.filter_strategy,
        "custom_webhook_template": None,
        "custom_headers": [{"key": name} for name in hook.headers],
        "token_present": bool(hook.token),
        "signing_token_present": bool(hook.signing_token),
        ("project_id" if of_project else "group_id"): hook.place.id,
    }
