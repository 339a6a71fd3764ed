"""The App Home: what needs the reader first, the reader's environments, what else runs.

It says nothing that changes by itself with every minute: what says the same is not sent again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from qbot.domain import actions
from qbot.domain.environment import Environment, Phase
from qbot.domain.home import Home
from qbot.domain.lifetime import STAYING
from qbot.domain.operation import EnvironmentSummary
from qbot.domain.policy import Denied
from qbot.domain.release import StageProgress
from qbot.render import limits
from qbot.render.away import away_lines, last_known
from qbot.render.blocks import (
    FRESH,
    Block,
    Message,
    button,
    context,
    digest_of,
    divider,
    header,
    plain,
    section,
)
from qbot.render.blocks import actions as in_a_row
from qbot.render.buttons import delete_button
from qbot.render.escape import WHEN, allowed, code, mention, moment, prose
from qbot.render.lifetimes import extend_menu, pin_words
from qbot.render.listing import in_groups, is_needy, state, worst_first
from qbot.render.releases import versions
from qbot.render.releases.approving import in_the_way, question
from qbot.render.releases.buttons import decision
from qbot.render.releases.titles import name, what
from qbot.render.style import Style
from qbot.render.warnings import going
from qbot.render.words import joined, plural

SOON = timedelta(days=1)
"""How long before its end an environment is one that needs its owner."""
_PROMOTIONS = 8
_SERVICES = 5  # of one promotion
_ENVIRONMENTS = 14  # at most three blocks each, and Slack takes a hundred


@dataclass(frozen=True, slots=True)
class HomeView:
    """What views.publish takes; `digest` as in `Message`."""

    view: dict[str, Any]
    digest: str


def home(seen: Home, style: Style) -> HomeView:
    """Everything of one person."""
    mine, needy = worst_first(seen.mine), needy_of(seen)
    calm = [r for r in mine if r not in needy]
    shown = [*needy, *calm][:_ENVIRONMENTS]
    blocks: list[Block | None] = [context(*away_lines(seen.away))]
    blocks += _needs_me(seen, needy, shown, style)
    blocks += [header("Your environments"), _of_mine(mine, needy, style)]
    for row in calm:
        blocks += _environment(row, seen, style) if row in shown else []
    if len(mine) > len(shown):
        typed = code(f"{style.command} list --mine")
        blocks.append(context(f"and {len(mine) - len(shown)} more of yours: {typed}"))
    blocks += [divider(), _all(seen), _fresh(seen)]
    return _published(blocks)


def closed(denied: Denied, style: Style) -> HomeView:
    """For somebody whom Qbot does not serve."""
    text = (
        "*Qbot makes environments for the engineers of this workspace.*\n"
        f"{prose(denied.reason)} There is nothing that you have to do here."
    )
    hint = (
        "If you want to see an environment, whoever asked you to look can send you its address. "
        f"Members use {code(style.command)} or this tab."
    )
    return _published([section(text), context(hint)])


def answer(said: Message) -> dict[str, Any]:
    """What answers a press in the App Home: a view of its own, where the reader looks."""
    return {
        "type": "modal",
        "callback_id": actions.ANSWER_VIEW,
        "title": plain("Qbot", limits.VIEW_TITLE),
        "close": plain("Close", limits.VIEW_TITLE),
        "blocks": list(said.blocks),
    }


def needy_of(seen: Home) -> list[EnvironmentSummary]:
    """The viewer's that need them, those that are about to go first."""
    warned = {w.env for w in seen.warned}
    needy = [
        r
        for r in worst_first(seen.mine)
        if r.environment.id in warned or needs_owner(r, seen.as_of)
    ]
    return sorted(needy, key=lambda r: r.environment.id not in warned)


def needs_owner(row: EnvironmentSummary, now: datetime) -> bool:
    """It is broken with nothing under way, its branch is gone, or it ends soon."""
    return is_needy(row) or (row.operation is None and (row.gone or _ends_soon(row, now)))


def _ends_soon(row: EnvironmentSummary, now: datetime) -> bool:
    env = row.environment
    if env.phase not in STAYING or env.pinned_at(now) or env.ends_at is None:
        return False
    return env.ends_at - now <= SOON


def _needs_me(
    seen: Home,
    needy: Sequence[EnvironmentSummary],
    shown: Sequence[EnvironmentSummary],
    style: Style,
) -> list[Block | None]:
    if blocks := what_needs(seen, [r for r in needy if r in shown], style):
        return [header("Needs you"), *blocks]
    return [section(":white_check_mark: Nothing needs you right now.")] if seen.mine else []


def what_needs(seen: Home, needy: Sequence[EnvironmentSummary], style: Style) -> list[Block | None]:
    """What waits for the viewer's yes, then these environments, each with its buttons."""
    blocks: list[Block | None] = []
    for progress in (seen.waiting or ())[:_PROMOTIONS]:
        blocks += _promotion(progress, style)
    if len(seen.waiting or ()) > _PROMOTIONS:
        blocks.append(context(f"and {len(seen.waiting or ()) - _PROMOTIONS} more wait for you"))
    for row in needy:
        blocks += _environment(row, seen, style)
    unknown = "What waits for your approval is not known now: your roles could not be asked for."
    if seen.waiting is None:
        blocks.append(context(f":warning: {unknown}"))
    return blocks


def _promotion(progress: StageProgress, style: Style) -> list[Block | None]:
    """As a reminder shows it: what is said here counts as on the card."""
    lead = f":ballot_box_with_ballot: *{name(progress)}* waits for your approval"
    rows = versions.rows(progress, style)
    more = f"and {len(progress.items) - _SERVICES} more, see Details"
    lines = [
        lead,
        f"{prose(what(progress), 200)}, asked for by {mention(progress.actor.user)}",
        *rows[:_SERVICES],
        more if len(progress.items) > _SERVICES else "",
        *in_the_way(progress.barriers, style),
    ]
    expires = f"expires {moment(progress.expires_at, WHEN)}" if progress.expires_at else ""
    small = joined([question(progress), expires])
    text = "\n".join(line for line in lines if line)
    return [section(text), context(small), decision(progress)]


def _of_mine(
    mine: Sequence[EnvironmentSummary], needy: Sequence[EnvironmentSummary], style: Style
) -> Block:
    create = button("Create Environment", actions.CREATE_FORM, style="primary")
    if not mine:
        text = (
            "You have none. An environment runs one git branch with everything around it: press "
            f"Create, or type {code(f'{style.command} create feat/checkout')} in a channel."
        )
        return section(text, accessory=create)
    text = joined([plural(len(mine), "environment"), in_groups(mine)])
    if needy and len(needy) == len(mine):
        text += "\nAll of them are above."
    return section(text, accessory=create)


def _environment(row: EnvironmentSummary, seen: Home, style: Style) -> list[Block | None]:
    env, now = row.environment, seen.as_of
    if told := next((w for w in seen.warned if w.env == env.id), None):
        return going(told, env, style)
    word, sign = state(row, known=seen.known)
    if _ends_soon(row, now) and not is_needy(row):
        sign = ":hourglass_flowing_sand:"
    facts = joined(
        [
            ":warning: branch gone in GitLab" if row.gone else "",
            _ends(env, now, soon=_ends_soon(row, now)),
            f":lock: locked by {mention(row.lock.by.user)}" if row.lock else "",
        ]
    )
    text = f"{sign} *{prose(env.branch, 100)}* {word}"
    return [section(f"{text}\n{facts}" if facts else text), _buttons(row, seen, style)]


def _ends(env: Environment, now: datetime, *, soon: bool) -> str:
    """Until when it lives; by the clock, since an age would be another every minute."""
    if pin := env.pinned_at(now):
        return f":pushpin: {pin_words(pin)}"
    if env.ends_at is None:
        return ""
    words = "lifetime ends" if soon else "lifetime until"
    if env.ends_at <= now:
        words = "lifetime over since"
    return f"{words} {moment(env.ends_at, WHEN)}"


def _buttons(row: EnvironmentSummary, seen: Home, style: Style) -> Block | None:
    env, now = row.environment, seen.as_of
    free = row.lock is None or row.lock.by == seen.viewer
    stays, rests = env.phase in STAYING, row.operation is None
    opens = allowed(env.url, style.hosts) and env.phase in (Phase.READY, Phase.FAILED)
    ends = env.ends_at is not None and env.pinned_at(now) is None
    # Each state has a block id of its own: what was chosen in a menu does not stay chosen.
    until = int(env.ends_at.timestamp()) if env.ends_at else 0
    return in_a_row(
        [
            button("Open", actions.OPEN, env.id, url=env.url) if opens else None,
            button("Show", actions.SHOW, env.id, about=f"Show {env.branch}"),
            button("Sync", actions.SYNC, env.id, about=f"Sync {env.branch}")
            if free and stays and rests
            else None,
            extend_menu(env.id) if stays and ends else None,
            delete_button(env.id, env.branch) if free and env.phase is not Phase.DELETING else None,
        ],
        block_id=f"home:{env.id}:{env.phase}:{until}",
    )


def _all(seen: Home) -> Block:
    if not seen.rows:
        return section("No environment runs at all.", accessory=button("Help", actions.HELP))
    text = f"*{plural(len(seen.rows), 'environment')} in all*\n{in_groups(seen.rows)}"
    return section(text, accessory=button("List All", actions.LIST))


def _fresh(seen: Home) -> Block | None:
    stale = last_known(seen.away, known=seen.known)
    at = f"As of {moment(seen.as_of, WHEN)}, and kept up to date for a day after you look"
    return context(at, stale, block_id=FRESH)


def _published(blocks: Sequence[Block | None]) -> HomeView:
    kept = [b for b in blocks if b][: limits.VIEW_BLOCKS]
    return HomeView({"type": "home", "blocks": kept}, digest_of("", kept))
