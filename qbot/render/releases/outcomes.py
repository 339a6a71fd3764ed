"""How a promotion ended, and what is true now, in a line or two."""

from collections.abc import Sequence

from qbot.domain.names import PromotionId
from qbot.domain.progress import End, Stage
from qbot.domain.promotion import PromotionState, promotion_name
from qbot.domain.release import StageProgress
from qbot.render.attention import failed
from qbot.render.errors import with_command
from qbot.render.escape import code, mention, moment, prose
from qbot.render.releases.approving import rejection
from qbot.render.releases.titles import is_back
from qbot.render.style import Style
from qbot.render.words import listed, plural

_NAMED = 6
_FEW = 3  # services that the command to release them names


def outcome_lines(progress: StageProgress, style: Style) -> list[str]:
    """Escaped mrkdwn lines: the end and its reason, then what is the case now."""
    if progress.undone:
        lines = [_past(progress), *_taken_back(progress)]
    elif progress.end is End.SUCCEEDED:
        runs = _success(progress) if progress.undone_by is None else ""
        lines = [runs, headline(progress, style), *_taken_back(progress)]
    elif progress.end is End.FAILED:
        why = headline(progress, style) or "It failed."
        lines = [why, *_taken_back(progress), _left_over(progress), _later(progress)]
    elif progress.bypass is not None:
        lines = [f":rotating_light: {headline(progress, style)}", _unjudged(progress)]
        lines += _taken_back(progress)
    elif progress.state is PromotionState.REJECTED:
        lines = [rejected(progress)]
    elif progress.state is PromotionState.CANCELLED:
        lines = [_stopped(progress), headline(progress, style), _cancelled(progress)]
        lines += _taken_back(progress)
    else:
        lines = [headline(progress, style) or "It is over."]
    return [line for line in [*lines, held(progress, style), *_released(progress)] if line]


def headline(progress: StageProgress, style: Style) -> str:
    """The reason that came with the end or the wait; what a service's row says is left to it."""
    told = progress.headline
    for service in failed(progress.services)[:1]:
        told = told.replace(f": {service.reason.rstrip('.') or '-'}.", ".", 1)
    return with_command(prose(told, 600), style.command)


def rejected(progress: StageProgress) -> str:
    """By whom, when and why."""
    by = rejection(progress)
    why = prose((by.reason if by else "") or progress.headline, 600)
    reason = f": {why}" if why else ""
    if by is None:
        return f":no_entry: Rejected{reason}"
    return f":no_entry: Rejected by {mention(by.actor.user)} {moment(by.at)}{reason}"


def held(progress: StageProgress, style: Style) -> str:
    """Services that stay where a rollback put them, and how they move again."""
    if not progress.held:
        return ""
    names = listed([f"*{prose(s, 40)}*" for s in progress.held], _NAMED)
    named = progress.held if len(progress.held) <= _FEW else ()
    free = code(" ".join([style.command, "release", progress.stage, *named]), 200)
    return f":lock: Held there until somebody lets go: {names}. {free}"


def _released(progress: StageProgress) -> list[str]:
    """What is held no more, by whom; one line for all that was released at one time."""
    lines = []
    for by, at in dict.fromkeys((gone.by, gone.at) for gone in progress.released):
        names = [g.service for g in progress.released if (g.by, g.at) == (by, at)]
        some = listed([f"*{prose(s, 40)}*" for s in names], _NAMED)
        lines.append(f":unlock: Released by {mention(by.user)} {moment(at)}: {some}")
    return lines


def _past(progress: StageProgress) -> str:
    """That nobody was asked stays true when it is undone."""
    passed = progress.bypass
    if passed is None:
        return ""
    had = f", when it had {passed.had} approvals" if passed.had else ""
    return f":rotating_light: {code(passed.by, 80)} had merged it by hand, past Qbot{had}."


def _success(progress: StageProgress) -> str:
    gone = {service for service, _ in progress.taken_back}
    # What others have by now is not in.
    deployed = [row.service for row in progress.services if row.service not in gone]
    count = len(deployed or progress.items)
    stage = prose(progress.stage, 60)
    if is_back(progress):
        return _is_back(deployed or [item.service for item in progress.items], stage)
    if count == 1:
        one = deployed[0] if deployed else progress.items[0].service
        return f"*{prose(one, 40)}* runs its new version in *{stage}*."
    if count < len(progress.items):
        return f"{count} of {plural(len(progress.items), 'service')} run their new versions."
    return f"All {plural(count, 'service')} run their new versions in *{stage}*."


def _is_back(services: Sequence[str], stage: str) -> str:
    """Those alone that were rolled back: the stage may have more."""
    names = [f"*{prose(service, 40)}*" for service in services]
    if len(names) == 1:
        return f"{names[0]} is back at its earlier version in *{stage}*."
    return f"{listed(names, _NAMED)} are back at their earlier versions in *{stage}*."


def _taken_back(progress: StageProgress) -> list[str]:
    """What rollbacks put back, or are to; one line for each rollback."""
    if progress.undone_by is not None:
        what = f"*{prose(progress.stage, 60)}*"
        return [_put_back(progress, what, progress.undone_by, "what ran before it", many=False)]
    lines = []
    for by in dict.fromkeys(by for _, by in progress.taken_back):
        names = [f"*{prose(s, 40)}*" for s, back in progress.taken_back if back == by]
        some, many = listed(names, _NAMED), len(names) > 1
        lines.append(_put_back(progress, some, by, "what ran before", many=many))
    return lines


def _put_back(
    progress: StageProgress, what: str, by: PromotionId, before: str, *, many: bool
) -> str:
    """As far as the rollback has come; what is merged is not deployed yet."""
    name = promotion_name(by)
    back = next((b for b in progress.putting_back if b.by == by), None)
    if back is None:
        return f"{what} went back to {before}, with *{name}*."
    if back.state.open:
        return f":rewind: {what} {'are' if many else 'is'} being put back to {before}, by *{name}*."
    ended = back.word if back.state is PromotionState.FAILED else f"was {back.word}"
    went = f"{back.ready} of {plural(back.of, 'service')} went back"
    return f":red_circle: *{name}* {ended}: {went}. It was to put {what} back to {before}."


def _unjudged(progress: StageProgress) -> str:
    """What people can do about a merge that nobody judged here."""
    stage = prose(progress.stage, 60)
    way = "Reverting that merge in GitLab" if is_back(progress) else "Roll Back"
    return (
        f"*It went past the checks of {stage}*, and Qbot does not deploy it. {way} takes it "
        "back; what shall stay is synced in Argo CD."
    )


def _later(progress: StageProgress) -> str:
    """Why it can neither be tried again nor rolled back."""
    if progress.overtaken_by is None or progress.overtaken_by == progress.undone_by:
        return ""
    by = promotion_name(progress.overtaken_by)
    if not progress.merged_sha:
        return f"*{by}*, a rollback of the same services, took its place."
    return f"*{by}* has changed the same services since."


def _stopped(progress: StageProgress) -> str:
    """By whom, where a person did it."""
    if progress.ended_by is None:
        return ""
    return f"{progress.word.capitalize()} by {mention(progress.ended_by.user)}."


def _cancelled(progress: StageProgress) -> str:
    """What is so all the same."""
    return _left_over(progress) if progress.merged_sha or progress.unsure else ""


def _looked_at_again(progress: StageProgress) -> str:
    if progress.unclosed:
        return "; Withdraw looks as well"
    again = progress.end is End.FAILED and progress.overtaken_by is None
    return "; Retry and Withdraw look as well" if again else ""


def _left_over(progress: StageProgress) -> str:
    """What the person who has to decide needs to know first."""
    stage = prose(progress.stage, 60)
    if progress.unsure and not progress.merged_sha:
        return (
            "GitLab was asked to merge it, and *whether it was merged is not known*. "
            f"Look at the merge request{_looked_at_again(progress)}."
        )
    if not progress.merged_sha:
        return f"Nothing was changed in *{stage}*."
    if progress.services and all(s.stage is Stage.READY for s in progress.services):
        return f"The change is merged and runs in *{stage}*."
    if progress.undone_by is not None:
        return ""
    return f"The change is merged, but not all of it runs in *{stage}*."
