"""The board: one message for all that runs in a channel, while that is too much for cards."""

from collections import Counter
from collections.abc import Sequence

from qbot.domain.progress import Progress
from qbot.domain.release import Shown
from qbot.render.attention import failed
from qbot.render.blocks import FRESH, Block, Message, context, header, message, section
from qbot.render.card import Fresh
from qbot.render.counts import reached, tally
from qbot.render.escape import moment, prose
from qbot.render.releases.running import doing
from qbot.render.releases.titles import title
from qbot.render.titles import outcome
from qbot.render.words import duration, joined, plural

_ROWS = 45
_TROUBLES = 3
_ROWS_A_BLOCK = 9  # of at most 300 characters each: below a section's limit


def board(running: Sequence[Shown], *, fresh: Fresh) -> Message:
    """Operations that need somebody first, then those that are least far."""
    if not running:
        done = "Nothing is running in this channel any more. Each operation's card tells its end."
        return message(done, [section(done)])
    order = sorted(running, key=lambda p: (not failed(p.services), reached(p), p.started_at, p.op))
    title = f"{plural(len(running), 'operation')} running in this channel"
    waiting = _waiting(running)
    rows = [_row(p) for p in order[:_ROWS]]
    if len(order) > _ROWS:
        rows.append(f"and {len(order) - _ROWS} more")
    newest = max(p.updated_at for p in running)
    note = (
        f"As of {moment(newest, '{time_secs}')} · changes show within about "
        f"{duration(fresh.every)} · ends show at once, on each operation's own card"
    )
    chunks = [rows[i : i + _ROWS_A_BLOCK] for i in range(0, len(rows), _ROWS_A_BLOCK)]
    blocks: list[Block | None] = [header(title), section("\n".join(waiting)) if waiting else None]
    blocks += [section("\n".join(chunk)) for chunk in chunks]
    return message("\n".join([title, *waiting, *rows]), [*blocks, context(note, block_id=FRESH)])


def _waiting(running: Sequence[Shown]) -> list[str]:
    """What several wait for is said once, since when and for how many."""
    counts = Counter(p.trouble.rstrip(".") for p in running if p.trouble)
    return [_waits(why, running, count) for why, count in counts.most_common(_TROUBLES)]


def _waits(why: str, running: Sequence[Shown], count: int) -> str:
    since = [p.trouble_since for p in running if p.trouble.rstrip(".") == why and p.trouble_since]
    when = f" (since {moment(min(since))})" if since else ""
    return f":warning: {prose(why)}{when}. Waiting for that: {plural(count, 'operation')}."


def _row(shown: Shown) -> str:
    sign = ":red_circle:" if failed(shown.services) else ":large_blue_circle:"
    if isinstance(shown, Progress):
        what = f"*{prose(shown.branch, 60)}* {outcome(shown)}"
    else:
        what = f"*{prose(title(shown), 90)}* {prose(doing(shown), 60)}"
    return joined([f"{sign} {what}", tally(shown)])
