"""Who has said what, who is still asked, and what is in the way."""

from collections.abc import Sequence

from qbot.domain.barriers import Barrier
from qbot.domain.names import PromotionId
from qbot.domain.promotion import Approval, Verdict, promotion_name
from qbot.domain.release import Needed, StageProgress
from qbot.render.errors import barrier_line
from qbot.render.escape import code, mention, moment, prose
from qbot.render.releases.titles import is_back
from qbot.render.style import Style
from qbot.render.words import listed, plural, spoken

_WORDS = 6  # approvals with a line each
_ASKED = 6
_TEAMS = 4
_BARRIERS = 6


def is_missing(progress: StageProgress) -> bool:
    """Whether somebody's yes is still needed."""
    return progress.needed is None or bool(progress.needed.missing or progress.needed.teams)


def question(progress: StageProgress) -> str:
    """What the wait is for, in one line."""
    needed = progress.needed
    if needed is None:
        return "Waiting for approval"
    if needed.missing:
        more = "more " if counted(progress) else ""
        return f"Waiting for {plural(needed.missing, f'{more}approval')}"
    if needed.teams:
        whose = prose(needed.teams[0][0], 40)
        others = f" and {len(needed.teams) - 1} more" if len(needed.teams) > 1 else ""
        return f"Waiting for the team of {whose}{others}"
    if progress.barriers:
        return "Approved, but held up"
    # Only what has to wait has a headline here: it names what for.
    state = "Without approvals" if progress.emergency else "Approved"
    return f"{state}, {'waits for its turn' if progress.headline else 'being checked once more'}"


def counted(progress: StageProgress) -> list[Approval]:
    """Those that count."""
    return [a for a in progress.approvals if a.verdict is Verdict.APPROVED and not a.void]


def rejection(progress: StageProgress) -> Approval | None:
    """Somebody's no."""
    said = (a for a in progress.approvals if a.verdict is Verdict.REJECTED and not a.void)
    return next(said, None)


def words(progress: StageProgress, *, most: int = _WORDS) -> list[str]:
    """One line for each; one that is void is left out once its giver has said yes again."""
    approvals = progress.approvals
    again = {a.actor for a in approvals if a.verdict is Verdict.APPROVED and not a.void}
    kept = [a for a in approvals if not a.void or a.actor not in again]
    lines = _lines(kept, progress)
    more = len(lines) - most
    return [*lines[:most], f"and {more} more, see Details"] if more > 0 else lines


def agreed(progress: StageProgress) -> str:
    """`approved by @chloe 14:04, @dan 14:07`, for when that is settled; empty: by nobody."""
    said = [f"{mention(a.actor.user)} {moment(a.at)}" for a in counted(progress)]
    return f"approved by {listed(said, _WORDS)}" if said else ""


def every_word(progress: StageProgress) -> list[str]:
    """For Details: all that was said."""
    return _lines(progress.approvals, progress)


def _lines(said: Sequence[Approval], progress: StageProgress) -> list[str]:
    """One for each, but a single one for those that do not count for the same reason."""
    groups: dict[object, list[Approval]] = {}
    for number, approval in enumerate(said):
        alike = (approval.void, approval.verdict) if approval.void else number
        groups.setdefault(alike, []).append(approval)
    return [_void(g) if g[0].void else _word(g[0], progress) for g in groups.values()]


def _void(several: Sequence[Approval]) -> str:
    who = list(dict.fromkeys(mention(a.actor.user) for a in several))
    noun = "Approval" if several[0].verdict is Verdict.APPROVED else "Rejection"
    said = f"{noun} by {who[0]} no longer counts"
    if len(who) > 1:
        said = f"{noun}s by {spoken(who)} no longer count"
    return f":warning: {said}: {prose(several[0].void, 400)}"


def _wrote(progress: StageProgress) -> frozenset[int]:
    return frozenset(number for item in progress.items for number in item.wrote)


def _word(approval: Approval, progress: StageProgress) -> str:
    who, at = mention(approval.actor.user), moment(approval.at)
    if approval.verdict is Verdict.REJECTED:
        why = f": {prose(approval.reason, 300)}" if approval.reason.strip() else ""
        return f":no_entry: {who} rejected it {at}{why}"
    what = "what goes back" if is_back(progress) else "it"
    author = f", and wrote some of {what}" if approval.account.id in _wrote(progress) else ""
    return f":white_check_mark: {who} approved {at}{author}"


def asked(needed: Needed | None) -> list[str]:
    """Who may say yes, by name where that is known; and teams whose yes is missing."""
    if needed is None or not (needed.missing or needed.teams):
        return []
    lines = [_team(service, roles) for service, roles in needed.teams[:_TEAMS]]
    if len(needed.teams) > _TEAMS:
        lines.append(f"and {len(needed.teams) - _TEAMS} more services need their team's approval")
    return [*lines, _stuck(needed) if needed.stuck else _eligible(needed)]


def _team(service: str, roles: Sequence[str]) -> str:
    whose = " or ".join(code(r, 40) for r in roles[:_TEAMS]) or "its team"
    return f":bust_in_silhouette: *{prose(service, 40)}* needs an approval from {whose}"


def _eligible(needed: Needed) -> str:
    if needed.eligible:
        return f"May approve: {listed([mention(u) for u in needed.eligible], _ASKED)}"
    but = "" if needed.by_requester else ", except who asked for it"
    if needed.roles:
        return f"May approve: everybody with {_any_of(needed.roles)}{but}"
    return f"May approve: everybody with a GitLab account{but}"


def _stuck(needed: Needed) -> str:
    """That waiting is in vain, and who is left."""
    some = listed([mention(u) for u in needed.eligible], _ASKED)
    who = f"Only {some} may still approve" if some else "Nobody is left who may approve"
    among = f", of {_any_of(needed.roles)}" if needed.roles else ""
    return (
        f":warning: {who}{among}: it cannot be approved like that. Somebody has to be added, with "
        "an account in GitLab, or it is withdrawn."
    )


def _any_of(roles: Sequence[str]) -> str:
    named = [code(r, 40) for r in roles[:_ASKED]]
    return spoken(named).replace(" and ", " or ")


def rivals(progress: StageProgress) -> list[str]:
    """Which others end by this one, and by which others this one does."""
    lines = []
    if progress.goes_before:
        names, one = _names(progress.goes_before), len(progress.goes_before) == 1
        asks = progress.needed is not None and progress.needed.count
        when = "once this is approved" if asks else "as soon as this begins"
        lines.append(
            f":warning: {names}, which {'changes' if one else 'change'} the same services, "
            f"{'ends' if one else 'end'} {when}."
        )
    if progress.gives_way_to:
        names = _names(progress.gives_way_to)
        lines.append(
            f":warning: {names}, a rollback of the same services, waits as well: this ends once "
            "that is approved."
        )
    return lines


def _names(numbers: Sequence[PromotionId]) -> str:
    return listed([f"*{promotion_name(number)}*" for number in numbers], _ASKED)


def in_the_way(barriers: Sequence[Barrier], style: Style) -> list[str]:
    """Freezes, locks and holds: why, by whom, until when."""
    lines = [barrier_line(b, style) for b in barriers[:_BARRIERS]]
    if len(barriers) > _BARRIERS:
        lines.append(f"and {len(barriers) - _BARRIERS} more things in the way")
    return lines
