"""Every way into Qbot as a text, and which verb it stands for.

A subject is `command:promote`, `action:env_delete`, `view:env_create_submit`, `job:forget`,
`event:subteam_updated` or `route:GET /healthz`. One that stands for nothing here is refused, and
Qbot does not start with it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NewType

from qbot.domain import actions

Subject = NewType("Subject", str)

MACHINE = "machine"  # stands for what no person asks for
_BUTTONS: Mapping[str, str] = {
    actions.DETAILS: "show",
    actions.DETAILS_REFRESH: "show",
    actions.DETAILS_BACK: "show",
    actions.DETAILS_ON: "show",
    actions.OPEN: "show",
    actions.ARGOCD: "show",
    actions.PIPELINE: "show",
    actions.SHOW: "show",
    actions.SYNC: "sync",
    actions.LIST: "list",
    actions.LIST_BACK: "list",
    actions.LIST_ON: "list",
    actions.HISTORY_BACK: "history",
    actions.HISTORY_ON: "history",
    actions.HELP: "help",
    actions.KEEP: "help",  # takes a question away and changes nothing
    actions.RETRY: "sync",
    actions.RESUME: "create",
    actions.RESTORE: "restore",
    actions.ORPHANS: "reaper",
    actions.ORPHANS_DELETE: "reap",
    actions.CANCEL: "cancel",
    actions.DELETE: "delete",
    actions.DELETE_CONFIRM: "delete",
    actions.DELETE_FORM: "delete",
    actions.CREATE_FORM: "create",
    actions.EXTEND: "extend",
    actions.TERM: "extend",  # what was chosen in it may be more: `of_choice`
    actions.PIN: "pin",
    actions.UNPIN: "unpin",
    actions.REAPER_KEEP: "extend",  # for everybody whom that is for
    actions.REAPER_GO: "reap",
    actions.REAPER_NO_GO: "pause",  # as whoever may stop it
    actions.REAPER_PLAN: "reaper",
    actions.APPROVE: "approve",
    actions.REJECT: "reject",
    actions.PROMO_DETAILS: "show",
    actions.PROMO_DETAILS_REFRESH: "show",
    actions.PROMO_DETAILS_BACK: "show",
    actions.PROMO_DETAILS_ON: "show",
    actions.PROMO_DIFF: "show",
    actions.MERGE_REQUEST: "show",
    actions.PROMO_RETRY: "promote",
    actions.PROMO_ROLLBACK: "rollback",
    actions.ROLLBACK_TO: "rollback",
    actions.PROMO_ABANDON: "reject",
    actions.PROMO_WITHDRAW: "reject",
    actions.SHOW_PLACE: "show",
    actions.TELL_FREE: "show",  # asks for a message, and changes nothing
    # menus and boxes of forms: Slack tells of each press before the form is sent
    actions.BRANCH_INPUT: "create",
    actions.SERVICES_INPUT: "create",
    actions.SET_INPUT: "create",
    actions.FROM_INPUT: "create",
    actions.TTL_INPUT: "create",
    actions.DRY_RUN_INPUT: "create",
    actions.ENVIRONMENT_INPUT: "delete",
    actions.REASON_INPUT: "reject",
    actions.EMERGENCY_INPUT: "rollback",
}
_VIEWS: Mapping[str, str] = {
    actions.DETAILS_VIEW: "show",
    actions.ANSWER_VIEW: "show",  # whatever answers a button of the App Home
    actions.CREATE_SUBMIT: "create",
    actions.DELETE_SUBMIT: "delete",
    actions.REJECT_SUBMIT: "reject",
    actions.BREAK_GLASS_SUBMIT: "rollback",
    actions.EXCEPTION_SUBMIT: "rollback",
    actions.PROMO_DETAILS_VIEW: "show",
    actions.PROMO_DIFF_VIEW: "show",
}
_JOBS = ("forget", "holds", "locks", "orphans", "reap", "sweep")
_EVENTS = ("subteam_members_changed", "subteam_updated")
_HEARD = {"app_mention": "help", "app_home_opened": "overview"}  # by a person
_ROUTES = (
    "POST /slack/events",  # its signature is checked; what is in it is a subject of its own
    "POST /webhooks/gitlab",  # these two prove their sender, and are believed nothing
    "POST /webhooks/argocd",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
    "GET /link/{token}",  # these three are signed, and the second and third used once
    "POST /link/{token}",
    "GET /link/callback",
)
STANDS_FOR: Mapping[Subject, str] = MappingProxyType(
    {
        **{Subject(f"action:{name}"): verb for name, verb in _BUTTONS.items()},
        **{Subject(f"view:{name}"): verb for name, verb in _VIEWS.items()},
        **{Subject(f"job:{name}"): MACHINE for name in _JOBS},
        **{Subject(f"event:{name}"): MACHINE for name in _EVENTS},
        **{Subject(f"event:{name}"): verb for name, verb in _HEARD.items()},
        **{Subject(f"route:{name}"): MACHINE for name in _ROUTES},
    }
)

JUDGED_AT_PRESS = frozenset(
    {
        Subject(f"action:{actions.APPROVE}"),
        Subject(f"action:{actions.REJECT}"),
        Subject(f"view:{actions.REJECT_SUBMIT}"),
    }
)
"""What somebody says of a promotion: the authority is asked beside the promotion's own rule, by
`qbot.operations.releases.verdicts`, with roles that are asked for once, at that moment."""


def of_command(verb: str) -> Subject:
    """A typed command; bare `/env` is the verb `overview`."""
    return Subject(f"command:{verb}")


PAUSE = of_command("pause")
"""Stops the reaper or lets it go on; its plan is `reaper`, which may be for more people."""


def of_action(action_id: str) -> Subject:
    """A button, menu or box."""
    return Subject(f"action:{action_id}")


def of_choice(action_id: str, value: str) -> Subject:
    """An element; in the menu of a card it counts what was chosen."""
    if action_id == actions.TERM:
        verb = value.partition(":")[0]
        return of_action({"pin": actions.PIN, "unpin": actions.UNPIN}.get(verb, actions.TERM))
    return of_action(action_id)


def of_view(callback_id: str) -> Subject:
    """A form that was sent."""
    return Subject(f"view:{callback_id}")


def of_event(name: str) -> Subject:
    """Something that Slack tells of."""
    return Subject(f"event:{name}")


def of_job(name: str) -> Subject:
    """A tick of the scheduler."""
    return Subject(f"job:{name}")


def of_route(method: str, path: str) -> Subject:
    """An HTTP route, by its pattern."""
    return Subject(f"route:{method} {path}")


def verb_of(subject: Subject) -> str | None:
    """What it stands for; None: nobody has said."""
    kind, _, name = subject.partition(":")
    if kind == "command":
        return name if name != MACHINE else None
    return STANDS_FOR.get(subject)
