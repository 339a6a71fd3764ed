"""The buttons of a promotion's card, by what can be done in its state."""

from qbot.domain import actions
from qbot.domain.progress import End, Step
from qbot.domain.promotion import PromotionState, promotion_name
from qbot.domain.release import StageProgress
from qbot.render.blocks import Block, button, confirm
from qbot.render.blocks import actions as row
from qbot.render.escape import allowed
from qbot.render.releases.approving import is_missing
from qbot.render.releases.titles import amount, is_back
from qbot.render.style import Style
from qbot.render.words import plural

DIGEST = 16  # digits of the digest in a button's value
_BEFORE_MERGE = frozenset(
    {Step.QUEUED, Step.RESOLVING, Step.PROPOSING, Step.APPROVING, Step.BEFORE, Step.MERGING}
)


def stage_buttons(progress: StageProgress, style: Style) -> Block | None:
    """At most one of them is the primary one; None where nothing can be done."""
    if progress.promotion is None or progress.dry_run or progress.end is End.REFUSED:
        return None
    if progress.end is None:
        buttons = _open(progress, style)
    elif progress.end is End.FAILED and progress.state is not PromotionState.CANCELLED:
        buttons = _failed(progress, style)
    elif progress.end is End.SUCCEEDED or progress.bypass is not None:
        buttons = [*looks(progress, style), _roll_back(progress)]
    else:
        buttons = looks(progress, style)
    # Each state has a block id of its own, which tells a press on an outdated copy apart.
    state = progress.end or ("cancelling" if progress.cancelling else progress.step)
    return row(buttons, block_id=f"card:{progress.op}:{state}:{progress.digest[:DIGEST]}")


def decision(progress: StageProgress) -> Block | None:
    """To say yes or no away from the card, and to see what to."""
    if not progress.digest:
        return None
    reject = button("Reject", actions.REJECT, decision_value(progress))
    details = button("Details", actions.PROMO_DETAILS, _value(progress))
    buttons = [_approve(progress), reject, details, _diff(progress)]
    return row(buttons, block_id=f"asked:{progress.op}:{progress.digest[:DIGEST]}")


def decision_value(progress: StageProgress) -> str:
    """`P-12:` and the digest's first digits: exactly the change that the presser saw."""
    return f"{_value(progress)}:{progress.digest[:DIGEST]}"


def _value(progress: StageProgress) -> str:
    return promotion_name(progress.promotion) if progress.promotion is not None else ""


def _open(progress: StageProgress, style: Style) -> list[Block | None]:
    asks = progress.step is Step.APPROVING and not progress.cancelling
    return [
        _approve(progress) if asks and is_missing(progress) and progress.digest else None,
        button("Reject", actions.REJECT, decision_value(progress)) if asks else None,
        *(looks(progress, style) if progress.items else ()),
        _withdraw(progress),
        *(_ways_out(progress) if progress.merged_sha and not progress.cancelling else ()),
    ]


def _ways_out(progress: StageProgress) -> list[Block | None]:
    """Of a deployment that does not come to its end."""
    return [_roll_back(progress), _abandon(progress)]


def _failed(progress: StageProgress, style: Style) -> list[Block | None]:
    merged = bool(progress.merged_sha)
    if progress.unclosed and not merged:
        return [*looks(progress, style), _abandon(progress)]
    if progress.undone_by is not None or progress.overtaken_by is not None:
        return looks(progress, style)
    retry = button("Retry", actions.PROMO_RETRY, _value(progress), style="primary")
    back = _roll_back(progress) if merged and not is_back(progress) else None
    return [retry, back, *looks(progress, style), _abandon(progress)]


def _approve(progress: StageProgress) -> Block:
    what = f"{amount(progress)} in {progress.stage}"
    verb = "go back to earlier versions" if is_back(progress) else "get new versions"
    plural = len(progress.items) != 1
    verb = verb if plural else verb.replace("go ", "goes ").replace("get ", "gets ")
    ask = confirm(
        f"Approve {_value(progress)}?",
        f"{what} {verb}. Your approval counts for exactly this change.",
        "Approve",
        "Not Yet",
    )
    ask["style"] = "primary"
    return button(
        "Approve",
        actions.APPROVE,
        decision_value(progress),
        style="primary",
        confirm=ask,
        about=f"Approve {_value(progress)}",
    )


def looks(progress: StageProgress, style: Style) -> list[Block | None]:
    """What only shows something."""
    details = button("Details", actions.PROMO_DETAILS, _value(progress))
    return [details, _diff(progress), _merge_request(progress, style)]


def _diff(progress: StageProgress) -> Block | None:
    return button("Diff", actions.PROMO_DIFF, _value(progress)) if progress.changes.total else None


def _merge_request(progress: StageProgress, style: Style) -> Block | None:
    url = progress.merge_request
    if not allowed(url, style.hosts):
        return None
    return button("Merge Request", actions.MERGE_REQUEST, _value(progress), url=url)


def _withdraw(progress: StageProgress) -> Block | None:
    if progress.cancelling or progress.merged_sha or progress.step not in _BEFORE_MERGE:
        return None
    return _take_back(progress, actions.PROMO_WITHDRAW)


def _take_back(progress: StageProgress, action: str) -> Block:
    unless = ", unless GitLab has merged it already: that stays" if progress.unsure else ""
    ask = confirm(
        f"Withdraw {_value(progress)}?",
        f"Its merge request is closed and nothing changes in {progress.stage}{unless}.",
        "Withdraw",
        "Keep",
    )
    return button("Withdraw", action, _value(progress), confirm=ask)


def _roll_back(progress: StageProgress) -> Block | None:
    if is_back(progress) or progress.undone_by is not None or progress.overtaken_by is not None:
        return None
    ask = confirm(
        f"Roll back {_value(progress)}?",
        f"{_left(progress)} held there until somebody releases them. Who has to approve that is "
        "asked first.",
        "Roll Back",
        "Keep",
    )
    return button(
        "Roll Back", actions.PROMO_ROLLBACK, _value(progress), style="danger", confirm=ask
    )


def _left(progress: StageProgress) -> str:
    """Which go back; what did so already is not counted."""
    gone = {service for service, _ in progress.taken_back}
    left = [item.service for item in progress.items if item.service not in gone]
    if len(left) == 1:
        return f"{left[0]} in {progress.stage} goes back to what ran before, and is"
    return f"{plural(len(left), 'service')} in {progress.stage} go back to what ran before, and are"


def _abandon(progress: StageProgress) -> Block:
    """Nobody goes on with it: what is not merged is taken back, what is merged is left."""
    if not progress.merged_sha:
        return _take_back(progress, actions.PROMO_ABANDON)
    ask = confirm(
        f"Abandon {_value(progress)}?",
        f"What is merged stays as it is in {progress.stage}. Other promotions can go on.",
        "Abandon",
        "Keep",
    )
    return button("Abandon", actions.PROMO_ABANDON, _value(progress), confirm=ask)
