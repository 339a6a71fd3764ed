"""`diff A B`: what two places run, service by service."""

from collections.abc import Sequence

from qbot.domain.differences import Difference, Differences, Side
from qbot.render.blocks import Message, context, header, message, section
from qbot.render.escape import code, link, moment, prose
from qbot.render.releases.card import paragraphs
from qbot.render.releases.versions import short
from qbot.render.style import Style
from qbot.render.words import joined, listed, plural

_ROWS = 25
_SHOWN = 24  # characters of a tag
_AUTHORS = 2
_NAMES = 12


def diff(found: Differences, style: Style) -> Message:
    """What differs, what does not run as it should, and the names of what only one has.

    The rest is a number.
    """
    as_of = f"As of {moment(found.as_of, '{time_secs}')}"
    if not found.rows:
        both = f"*{prose(found.left, 100)}* and *{prose(found.right, 100)}*"
        text = f"{both} run the same versions of {plural(found.same, 'service')}."
        return message(text, [section(text), context(as_of)])
    differ = [r for r in found.rows if not r.is_lone and not r.is_same]
    drift = [r for r in found.rows if r.drifts and (r.is_lone or r.is_same)]
    lone = [r for r in found.rows if r.is_lone and not r.drifts]
    rows = [*differ, *drift]
    heading = f"{found.left} and {found.right}: {_counts(found, len(differ), len(drift))}"
    lines = [_row(r, found, style) for r in rows[:_ROWS]]
    if len(rows) > _ROWS:
        lines.append(f"and {len(rows) - _ROWS} more")
    lines += _only(found.left, [r for r in lone if r.left.version is not None])
    lines += _only(found.right, [r for r in lone if r.left.version is None])
    text = "\n".join([prose(heading, 300), *lines, as_of])
    return message(text, [header(heading), *map(section, paragraphs(lines)), context(as_of)])


def _counts(found: Differences, differ: int, drift: int) -> str:
    """Of the services that both have; each is counted once."""
    both = found.same + sum(not r.is_lone for r in found.rows)
    said = f"{differ} of {both} services differ"
    sick = "does not run as it should" if drift == 1 else "do not run as they should"
    return f"{said}, {drift} more {sick}" if drift else said


def _only(place: str, rows: Sequence[Difference]) -> list[str]:
    names = [prose(r.service, 40) for r in rows]
    return [f"Only in {prose(place, 60)}: {listed(names, _NAMES)}"] if names else []


def _row(row: Difference, found: Differences, style: Style) -> str:
    left, right = prose(found.left, 60), prose(found.right, 60)
    sides = [_side(left, row.left), _side(right, row.right)]
    first = f"*{prose(row.service, 40)}* {sides[0]}"
    lines = [joined([first, sides[1], _ahead(row, found, style)])]
    for name, side in ((left, row.left), (right, row.right)):
        if side.drift:
            lines.append(f":warning: {name}: {prose(side.drift, 200)}")
    return "\n".join(lines)


def _side(place: str, side: Side) -> str:
    if side.version is None:
        return f"not in {place}"
    return f"{place} {code(short(side.version), _SHOWN)}"


def _ahead(row: Difference, found: Differences, style: Style) -> str:
    """Who has more, the number being the link to it."""
    if not row.commits:
        shown = link(row.compare_url, "compare", style.hosts)
        return "" if shown == "compare" else shown
    ahead = prose(found.left if row.commits > 0 else found.right, 60)
    count = link(row.compare_url, plural(abs(row.commits), "commit"), style.hosts)
    by = listed([prose(a, 30) for a in row.authors if a.strip()], _AUTHORS)
    return f"{ahead} is {count} ahead" + (f" (by {by})" if by else "")
