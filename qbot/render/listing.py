"""`list`: environments in groups, a page at a time; readable with a thousand of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Self

from qbot.domain import actions
from qbot.domain.environment import Environment, Phase
from qbot.domain.names import EnvId
from qbot.domain.operation import EnvironmentSummary, Going
from qbot.domain.outages import Away
from qbot.domain.progress import Stage
from qbot.domain.reaping import Goes
from qbot.domain.release_grammar import PERSON
from qbot.render.away import stale_lines
from qbot.render.blocks import Block, Message, button, context, header, message, paragraphs, section
from qbot.render.blocks import actions as row
from qbot.render.counts import tally
from qbot.render.escape import WHEN, clean, code, link, mention, moment, prose
from qbot.render.reaper import CAUSES, goes_words, keeping_all
from qbot.render.style import Style
from qbot.render.words import DOING, PHASES, joined, plural, remaining, rough

PAGE = 20  # environments
_PAGE_DIGITS = 5
_WHICH = {
    "mine": "yours",
    "all": "everybody's",
    "idle": "due to go",
    "failed": "needing attention",
    "": "",
}
_GROUPS: tuple[tuple[str, frozenset[Phase]], ...] = (
    ("Needs attention", frozenset({Phase.FAILED, Phase.STUCK, Phase.PARTIAL})),
    ("Under way", frozenset({Phase.CREATING, Phase.DELETING})),
    ("Ready", frozenset({Phase.READY})),
)


_OVER = "What outlives its lifetime goes by itself: {} says when, and {} gives it more."
_GONE = "Gone is what a sync or {} has seen last; once GitLab says so twice, it goes by itself."
MISSING = "missing in Argo CD"


def _group(row: EnvironmentSummary) -> str:
    """Where a row belongs by what Argo CD says of it now."""
    return _GROUPS[0][0] if row.needs_attention else _recorded(row)


def _recorded(row: EnvironmentSummary) -> str:
    """The same by its last operation: what runs on it says more than how it was before."""
    if row.operation is not None:
        return "Under way"
    return next((title for title, phases in _GROUPS if row.environment.phase in phases), "Ready")


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of which list; a paging button's value is its text form."""

    number: int = 0  # from 0
    which: str = ""  # mine, all, idle, failed or nothing, as in the command
    text: str = ""

    @property
    def owner(self) -> str:
        """Whose it is about, where its text names somebody; else empty."""
        found = PERSON.fullmatch(self.text)
        return found[1] if found else ""

    def value(self) -> str:
        """For a button."""
        return f"{self.number}:{self.which}:{self.text[:200]}"

    @classmethod
    def parse(cls, value: str) -> Self:
        """The inverse; nonsense becomes the first page of everything."""
        number, _, rest = value.partition(":")
        which, _, text = rest.partition(":")
        return cls(
            int(number) if number.isdecimal() and len(number) <= _PAGE_DIGITS else 0,
            which if which in _WHICH else "",
            text,
        )


def part(rows: Sequence[EnvironmentSummary], page: Page) -> list[EnvironmentSummary]:
    """The rows of one page: of which one is known before Argo CD is asked about them."""
    order = [title for title, _ in _GROUPS]
    found = sorted(rows, key=lambda r: order.index(_recorded(r)))
    number = min(page.number, _pages(rows) - 1)
    return found[number * PAGE : (number + 1) * PAGE]


def _pages(rows: Sequence[EnvironmentSummary]) -> int:
    return max((len(rows) + PAGE - 1) // PAGE, 1)


def listing(
    rows: Sequence[EnvironmentSummary],
    page: Page,
    style: Style,
    *,
    now: datetime,
    known: bool = True,
    goes: Mapping[EnvId, Goes] = MappingProxyType({}),
    doubts: Sequence[str] = (),
    away: Sequence[Away] = (),
) -> Message:
    """One page.

    Args:
        rows: all that the filter lets through.
        page: which of them to show, and the filter to echo.
        style: the installation.
        now: for ages.
        known: whether Argo CD has said how those of the page are now.
        away: neighbours that do not answer.
        goes: those that go by themselves, where the list is about that.
        doubts: what is not known of the others, as outside text.
    """
    if not rows:
        stale = stale_lines(away, known=known)
        return _empty(page, style, stale=stale, doubts=doubts)
    counts = Counter(_group(r) for r in rows)
    pages = _pages(rows)
    number = min(page.number, pages - 1)
    shown = part(rows, page)
    heading = joined([plural(len(rows), "environment"), _WHICH[page.which]])
    said = [_echo(page, number, pages), *stale_lines(away, known=known)]
    blocks: list[Block | None] = [header(heading), context(*said)]
    texts = [heading, *said]
    for title, _ in _GROUPS:
        lines = [
            environment_line(r, style, now=now, known=known, goes=goes.get(r.environment.id))
            for r in shown
            if _group(r) == title
        ]
        if not lines:
            continue
        state = title if known or title != "Ready" else "Ready when last seen"
        lines[0] = f"*{state} ({counts[title]})*\n{lines[0]}"
        texts += lines
        blocks += [section(text) for text in paragraphs(lines)]
    notes = [_over(shown, style, now=now), _gone(shown, style)]
    if goes:
        notes = [keeping_all([r.environment for r in shown], style), *map(prose, doubts)]
    texts += notes
    blocks += [context(note) for note in notes]
    blocks.append(row(_paging(page, number, pages), block_id=f"list:{number}"))
    return message("\n".join(t for t in texts if t), blocks)


def _over(rows: Sequence[EnvironmentSummary], style: Style, *, now: datetime) -> str:
    """What to do about those whose lifetime is over."""
    ended = [r.environment for r in rows if r.environment.ends_at]
    over = next((e for e in ended if e.ends_at and e.ends_at <= now), None)
    if over is None:
        return ""
    verbs = ("list --idle", f"extend {over.branch} 1d")
    return _OVER.format(*(code(f"{style.command} {verb}", 160) for verb in verbs))


def _gone(rows: Sequence[EnvironmentSummary], style: Style) -> str:
    """What to do about those whose branch is gone, and how far that is known."""
    branch = next((r.environment.branch for r in rows if r.gone), None)
    if branch is None:
        return ""
    return _GONE.format(code(f"{style.command} show {branch}", 160))


def worst_first(rows: Sequence[EnvironmentSummary]) -> list[EnvironmentSummary]:
    """In the order of the list's groups."""
    order = [title for title, _ in _GROUPS]
    return sorted(rows, key=lambda r: order.index(_group(r)))


def environment_line(
    row: EnvironmentSummary,
    style: Style,
    *,
    now: datetime,
    own: bool = False,
    known: bool = True,
    goes: Goes | None = None,
) -> str:
    """One environment in a line.

    Args:
        row: it.
        style: the installation.
        now: for ages.
        own: whoever reads it is the owner.
        known: whether Argo CD has said how it is now.
        goes: that it goes by itself, where that is to be told, with how long nobody used it.
    """
    env = row.environment
    word, sign = state(row, known=known)
    there = env.url and env.phase is not Phase.CREATING  # nobody answers there yet
    where = link(env.url, "open", style.hosts) if there else ""
    return joined(
        [
            f"{sign} *{prose(env.branch, 100)}* {word}",
            "" if own else mention(env.owner.user),
            ":warning: branch gone in GitLab" if row.gone else "",
            f":lock: locked by {mention(row.lock.by.user)}" if row.lock else "",
            goes_words(goes, style, now=now) if goes else "",
            f"unused for {rough((now - row.last_used).total_seconds())}" if goes else "",
            ends(env, now=now, going=None if goes else row.goes),
            where if where != "open" else "",
        ]
    )


def state(row: EnvironmentSummary, *, known: bool) -> tuple[str, str]:
    """How one is, in words and as a sign; `known` as above."""
    env = row.environment
    word, sign = PHASES[env.phase]
    if not known and env.phase is Phase.READY:
        sign = ":white_circle:"
    if row.failure:  # one sentence is enough for a list
        word += f": {prose(row.failure.partition('. ')[0].rstrip('.'), 160)}"
    if row.needs_attention:
        said = MISSING if row.missing else failing_words(row.failing)
        word, sign = said, PHASES[Phase.FAILED][1]
    if row.operation and row.operation.progress:
        progress = row.operation.progress
        doing = DOING[row.operation.purpose].removesuffix(" in").lower()
        counts = progress.counts()
        untold = 0 if counts[Stage.FAILED] or counts[Stage.FALTERING] else row.failing
        sign = PHASES[Phase.FAILED if row.failing else Phase.CREATING][1]
        word = joined([doing, tally(progress), failing_words(untold) if untold else ""])
    return word, sign


def is_needy(row: EnvironmentSummary) -> bool:
    """Whether it is in the first group: nothing runs on it that could mend it."""
    return _group(row) == _GROUPS[0][0]


def in_groups(rows: Sequence[EnvironmentSummary]) -> str:
    """`1 needs attention · 2 under way · 30 ready`."""
    counts = Counter(_group(r) for r in rows)
    words = {"Needs attention": ("needs attention", "need attention")}
    said = []
    for title, _ in _GROUPS:
        one, many = words.get(title, (title.lower(), title.lower()))
        if number := counts[title]:
            said.append(f"{number} {one if number == 1 else many}")
    return joined(said)


def failing_words(count: int) -> str:
    """`1 service failing`."""
    return f"{plural(count, 'service')} failing"


def ends(env: Environment, *, now: datetime, going: Going | None = None) -> str:
    """How old it is and how long it may live; `going`: its owner was told that it goes."""
    age = f"{rough((now - env.created_at).total_seconds())} old"
    if pin := env.pinned_at(now):
        more = f", for {remaining((pin.until - now).total_seconds())} more" if pin.until else ""
        return f"{age}, :pushpin: pinned by {mention(pin.by.user)}{more}"
    if going:
        return f"{age}, {going_words(going, now=now)}"
    if env.ends_at is None:
        return age
    left = (env.ends_at - now).total_seconds()
    if left > 0:
        return f"{age}, lifetime ends in {remaining(left)}"
    return f"{age}, lifetime over for {rough(-left)}"


def going_words(going: Going, *, now: datetime) -> str:
    """When it goes by itself, as its owner was told, and what holds that back."""
    stays = f"stays for now: {prose(going.held, 200)}; " if going.held else ""
    when = "now" if going.at <= now else moment(going.at, WHEN)
    return f"{stays}due to go {when}, because {CAUSES[going.because]}"


def _echo(page: Page, number: int, pages: int) -> str:
    matching = f"matching {code(page.text, 80)}" if page.text else ""
    if page.owner:
        matching = f"of {mention(page.owner)}"
    where = f"page {number + 1} of {pages}" if pages > 1 else ""
    return joined([matching, where])


def _empty(page: Page, style: Style, *, stale: Sequence[str], doubts: Sequence[str]) -> Message:
    if page.owner:
        text = f"{mention(page.owner)} has no environments."
    elif page.text:
        text = f"No environment matches {code(page.text, 80)}."
    elif page.which == "mine":
        text = "You have no environments."
    elif page.which == "failed":
        text = "No environment needs attention."
    elif page.which == "idle":
        text = "No environment is due to go by itself"
        text += ", as far as Qbot knows.\n" + "\n".join(map(prose, doubts)) if doubts else "."
    else:
        text = "There are no environments."
    hint = f"{code(f'{style.command} create feat/checkout')} makes one from a branch."
    if page.text or page.which in {"idle", "failed"}:
        hint = f"{code(f'{style.command} list')} shows all there are."
    if page.which == "failed" and stale:
        text = "\n".join([text, *stale])
    return message(f"{text}\n{hint}", [section(text), context(hint)])


def _paging(page: Page, number: int, pages: int) -> list[Block | None]:
    text = clean(page.text, 200)
    back = Page(number - 1, page.which, text).value()
    on = Page(number + 1, page.which, text).value()
    return [
        button("Previous", actions.LIST_BACK, back) if number > 0 else None,
        button("Next", actions.LIST_ON, on) if number < pages - 1 else None,
    ]
