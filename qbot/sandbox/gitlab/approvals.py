"""Approvals of merge requests without a licence: recorded and shown, never demanded."""

from typing import Any

from qbot.sandbox.gitlab.ask import Ask, Reply
from qbot.sandbox.gitlab.errors import message, not_found, unauthorized
from qbot.sandbox.gitlab.happenings import MergeRequestAction
from qbot.sandbox.gitlab.merge_requests import find_merge_request
from qbot.sandbox.gitlab.model import MergeRequest, Project, Role
from qbot.sandbox.gitlab.people import user_json
from qbot.sandbox.gitlab.routing import Route, route
from qbot.sandbox.gitlab.shapes import moment

_ONE = "/projects/:id/merge_requests/:iid"


def routes() -> list[Route]:
    """The endpoints."""
    return [
        route("GET", f"{_ONE}/approvals", get_approvals),
        route("GET", f"{_ONE}/approval_state", get_approval_state),
        route("POST", f"{_ONE}/approve", approve,
              takes="sha", lacks="publish_review approval_password"),
        route("POST", f"{_ONE}/unapprove", unapprove),
        route("PUT", f"{_ONE}/reset_approvals", reset_approvals),
    ]  # fmt: skip


async def get_approvals(ask: Ask) -> Reply:
    """Who approved."""
    return Reply(_json(ask, *find_merge_request(ask)))


async def get_approval_state(ask: Ask) -> Reply:
    """Rules of approval come with a licence."""
    find_merge_request(ask)
    raise not_found()


async def approve(ask: Ask) -> Reply:
    """Once per person, never one's own, and of just the commit that was looked at."""
    project, found = find_merge_request(ask)
    if not _may(ask, project, found):
        raise unauthorized()
    if ask.params.has("sha") and ask.params.text("sha") != found.sha:
        raise message(409, f"SHA does not match HEAD of source branch: {found.sha}")
    found.approvals[ask.user.id] = found.updated_at = ask.world.now()
    ask.world.tell(MergeRequestAction(project, found, ask.user, "approved"))
    return Reply(_json(ask, project, found), 201)


async def unapprove(ask: Ask) -> Reply:
    """Take one's own back."""
    project, found = find_merge_request(ask)
    if found.approvals.pop(ask.user.id, None) is None:
        raise not_found()
    ask.world.tell(MergeRequestAction(project, found, ask.user, "unapproved"))
    return Reply(_json(ask, project, found), 201)


async def reset_approvals(ask: Ask) -> Reply:
    """Remove all of them, which only the tokens of bots may do."""
    _, found = find_merge_request(ask, Role.DEVELOPER)
    if not ask.user.bot:
        raise unauthorized()
    found.approvals.clear()
    return Reply(None, 202)


def _may(ask: Ask, project: Project, found: MergeRequest) -> bool:
    return (
        ask.user is not found.author
        and ask.user.id not in found.approvals
        and found.state == "opened"
        and ask.role(project) >= Role.DEVELOPER
    )


def _json(ask: Ask, project: Project, found: MergeRequest) -> dict[str, Any]:
    users = ask.world.users
    return {
        "user_has_approved": ask.user.id in found.approvals,
        "user_can_approve": _may(ask, project, found),
        "approved": bool(found.approvals),
        "approved_by": [
            {"user": user_json(ask.world, users[who]), "approved_at": moment(at)}
            for who, at in found.approvals.items()
        ],
    }
