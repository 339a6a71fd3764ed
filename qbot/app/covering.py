"""Every way in has a rule, or Qbot does not start."""

import secrets
from collections.abc import Iterable, Sequence
from typing import Any

from aiohttp import web

from qbot.domain.authority import Authority
from qbot.domain.subjects import Subject
from qbot.errors import PermanentError
from qbot.gateways.clock import SystemClock
from qbot.gateways.linking import Invitations
from qbot.scheduler import Scheduler, Tick
from qbot.slack import events
from qbot.slack.releases.chores import Chores
from qbot.slack.surface import surface
from qbot.web.health import admin_app
from qbot.web.hooks.argocd import ArgoCDHooks
from qbot.web.hooks.gitlab import GitLabHooks
from qbot.web.link import Linking
from qbot.web.metrics import Metrics
from qbot.web.routes import subjects_of
from qbot.web.slack import slack_app


def covered(authority: Authority, subjects: Iterable[Subject]) -> None:
    """All of them have a rule.

    Raises:
        PermanentError: naming those that have none.
    """
    if found := authority.uncovered(subjects):
        raise PermanentError(
            f"no rule says who may use {', '.join(found)}: give each a verb in "
            "qbot/domain/subjects.py and the verb a rule in qbot/domain/authority.py"
        )


def ticks(forget: Any, chores: Chores, sweep: Any, reap: Any, orphans: Any) -> Sequence[Tick]:
    """What time brings; `forget` is the database's housekeeping."""
    return (
        Tick("forget", forget, minute="17"),
        Tick("locks", chores.locks, minute="*"),
        Tick("holds", chores.holds, minute="*"),
        Tick("sweep", sweep, minute="*/10"),
        Tick("reap", reap, minute="5-59/10"),  # by then the sweep has been answered
        Tick("orphans", orphans, minute="41"),
    )


def declared() -> Sequence[Subject]:
    """Every way in, as it would be registered: for a check that opens nothing."""
    nothing: Any = None
    chores = Chores(
        promotions=nothing,
        obstacles=nothing,
        store=nothing,
        slack=nothing,
        clock=nothing,
        style=nothing,
        zone=nothing,
    )
    public = slack_app(nothing, secret=secrets.token_hex(16), now=nothing, refused=nothing)
    public.add_routes([*_linking().routes(), *_hooks()])
    return [
        *surface(),
        *events.subjects(),
        *Scheduler(ticks(nothing, chores, nothing, nothing, nothing)).subjects(),
        *subjects_of(admin_app(Metrics().registry, {})),
        *subjects_of(public),
    ]


def _hooks() -> Sequence[web.RouteDef]:
    nothing: Any = None
    gitlab = GitLabHooks(
        proof=None, known={}, hearing=nothing, heard=nothing, now=nothing, counted=nothing
    )
    return [
        *gitlab.routes(),
        *ArgoCDHooks(tokens={}, hear=nothing, now=nothing, counted=nothing).routes(),
    ]


def _linking() -> Linking:
    """Only for its routes: whatever it would sign is worth nothing."""
    nothing: Any = None
    invitations = Invitations(
        public_url="https://qbot.invalid", secret=secrets.token_hex(16), clock=SystemClock()
    )
    return Linking(
        invitations=invitations, sign_in=nothing, accounts=nothing, once=nothing, mapped={}
    )
