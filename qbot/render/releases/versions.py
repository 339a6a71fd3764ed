"""What changes: one line for each service, and how long it has been tried."""

import re
from collections.abc import Sequence

from qbot.domain.names import PromotionId
from qbot.domain.promotion import Item, Version, promotion_name
from qbot.domain.release import StageProgress
from qbot.domain.services import Build
from qbot.render.attention import failed
from qbot.render.escape import WHEN, code, link, moment, prose
from qbot.render.style import Style
from qbot.render.words import joined, listed, plural

ROWS = 10
_AUTHORS = 2
_SHOWN = 20  # characters of a tag
_SHA = re.compile(r"[0-9a-f]{40}")
_DIGEST = re.compile(r"(sha256:[0-9a-f]{8})[0-9a-f]{56}")
_BUILDS = {
    Build.RUNNING: (":hammer_and_wrench:", "build running"),
    Build.FAILED: (":red_circle:", "build failed"),
    Build.UNKNOWN: (":warning:", "how its pipeline ended is not known: GitLab does not show it"),
}


def short(version: Version) -> str:
    """A commit or digest as short as GitLab shows it, a tag as it is; not escaped."""
    text = version.text.strip()
    if _SHA.fullmatch(text):
        return text[:8]
    if digest := _DIGEST.fullmatch(text):
        return digest[1]
    return text or "nothing"


def step(old: Version, new: Version) -> str:
    """`1a2b3c4d → 5e6f7a8b` as one code span; long tags by the ends that differ."""
    pair = [short(old), short(new)]
    if pair[0][:_SHOWN] == pair[1][:_SHOWN]:
        pair = [t if len(t) <= _SHOWN else f"…{t[-_SHOWN:]}" for t in pair]
    else:
        pair = [t if len(t) <= _SHOWN else f"{t[: _SHOWN - 1]}…" for t in pair]
    return code(" → ".join(pair))


def rows(progress: StageProgress, style: Style) -> list[str]:
    """At most ten, those with something to heed first, and one line for the rest."""
    broken = {s.service for s in failed(progress.services)}
    order = sorted(progress.items, key=lambda i: (i.service not in broken, not _heed(i), i.service))
    to = dict(progress.left_out)
    lines = [row(i, style, left_to=to.get(i.service)) for i in order[:ROWS]]
    if len(order) > ROWS:
        lines.append(f"and {len(order) - ROWS} more, see Details")
    return lines


def _heed(item: Item) -> bool:
    return bool(item.drift) or item.build in _BUILDS


def row(item: Item, style: Style, *, left_to: PromotionId | None = None) -> str:
    """Service, versions, commits and who made them; a second line where there is a catch.

    Of one that is left to another promotion only that.
    """
    if left_to is not None:
        return (
            f"*{prose(item.service, 40)}* left out: *{promotion_name(left_to)}* says what it runs"
        )
    first = f"*{prose(item.service, 40)}* {step(item.old, item.new)} {_commits(item, style)}"
    lines = [first.rstrip(), _build(item, style)]
    if item.drift:
        lines.append(f":warning: {prose(item.drift, 200)}; what runs was chosen")
    if item.pin.missing:
        lines.append(":warning: the registry has no image of it")
    return "\n".join(line for line in lines if line)


def _commits(item: Item, style: Style) -> str:
    """`3 commits by ana and ben`, the number being the link to them."""
    label = "compare" if item.commits is None else plural(abs(item.commits), "commit")
    shown = link(item.compare_url, label, style.hosts)
    if item.commits is None and shown == label:
        return ""
    if item.commits is not None and item.commits < 0:
        shown = f"takes back {shown}"
    by = listed([prose(a, 30) for a in item.authors if a.strip()], _AUTHORS)
    return f"{shown} by {by}" if by else shown


def _build(item: Item, style: Style) -> str:
    if item.build not in _BUILDS:
        return ""
    sign, said = _BUILDS[item.build]
    return f"{sign} {link(item.build_url, said, style.hosts)}"


def soak(progress: StageProgress) -> str:
    """Since when the source has run all of it; empty where that is not known."""
    since = [i.since for i in progress.items if i.since is not None]
    if not since:
        return ""
    source = prose(progress.source, 60) or "the source"
    newest = moment(max(since), WHEN)
    unknown = len(progress.items) - len(since)
    rest = f" ({unknown} not known)" if unknown else ""
    if len(progress.items) == 1:
        return f"in {source} since {newest}"
    return f"all in {source} since {newest} or longer{rest}"


def in_full(item: Item, style: Style, *, left_to: PromotionId | None = None) -> str:
    """For Details: also its image, where it was named, and since when the source has run it."""
    if left_to is not None:
        return row(item, style, left_to=left_to)
    ref = f"from {prose(item.new.ref, 60)}" if item.new.ref else ""
    since = ""
    if item.since is not None:
        since = f"in the source since {moment(item.since, WHEN)}"
    more = joined([_image(item), ref, since])
    return "\n".join([row(item, style), *commits(item), *([more] if more else [])])


def commits(item: Item) -> list[str]:
    """The first words of its newest commits, a line each, and how many are not named."""
    lines = [f"• {prose(title, 120)}" for title in item.titles if title.strip()]
    rest = abs(item.commits or 0) - len(lines)
    return [*lines, f"• and {rest} more"] if lines and rest > 0 else lines


def _image(item: Item) -> str:
    if item.pin.digest:
        return f"image {code(_short_digest(item))}"
    return f"image not pinned: {prose(item.pin.unknown, 200)}" if item.pin.unknown else ""


def _short_digest(item: Item) -> str:
    return f"{short(Version(item.pin.digest))}…"


def images(progress: StageProgress) -> str:
    """How many versions are pinned to their image; of one service to which."""
    known = [i for i in progress.items if i.pin.digest]
    if not known:
        return ""
    if len(progress.items) == 1:
        return f"image {code(_short_digest(known[0]))}"
    many = "all" if len(known) == len(progress.items) else f"{len(known)} of {len(progress.items)}"
    return f"{many} images pinned"


def changed(progress: StageProgress) -> str:
    """`4 lines changed in 4 files`; empty where they are not known."""
    found = progress.changes
    if not found.total:
        return ""
    return f"{plural(found.total, 'line')} changed in {plural(found.files, 'file')}"


def names(items: Sequence[Item], most: int = 6) -> str:
    """The services, escaped."""
    return listed([f"*{prose(i.service, 40)}*" for i in items], most)
