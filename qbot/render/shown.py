"""What the cards package shows, whichever kind of operation it is: the one place that chooses."""

from collections.abc import Sequence

from qbot.domain.branches import Newer
from qbot.domain.lifetime import Term
from qbot.domain.progress import Progress
from qbot.domain.release import Shown
from qbot.render import card, ending, preview, titles
from qbot.render.blocks import Message
from qbot.render.card import ALONE, Fresh, Links
from qbot.render.releases.card import stage_card, stage_preview
from qbot.render.releases.ending import stage_ending
from qbot.render.releases.titles import title as stage_title
from qbot.render.style import Style


def card_of(
    shown: Shown,
    style: Style,
    *,
    fresh: Fresh | None = None,
    superseded: str = "",
    links: Links = ALONE,
    newer: Sequence[Newer] = (),
    term: Term | None = None,
    missing: bool = False,
) -> Message:
    """The operation's card; see `qbot.render.card.card`."""
    if isinstance(shown, Progress):
        return card.card(
            shown,
            style,
            fresh=fresh,
            superseded=superseded,
            links=links,
            newer=newer,
            term=term,
            missing=missing,
        )
    return stage_card(shown, style, fresh=fresh, superseded=superseded, links=links)


def ending_of(shown: Shown, style: Style) -> Message:
    """The reply in the card's thread that tells the end."""
    if isinstance(shown, Progress):
        return ending.end_reply(shown, style)
    return stage_ending(shown, style)


def preview_of(shown: Shown, style: Style) -> Message:
    """What a dry run would do, for the person who asked."""
    if isinstance(shown, Progress):
        return preview.preview(shown, style)
    return stage_preview(shown, style)


def title_of(shown: Shown) -> str:
    """The first line of its card; plain text."""
    return titles.title(shown) if isinstance(shown, Progress) else stage_title(shown)
