"""Outside text -> text that Slack shows and never interprets.

Slack's mrkdwn has three control characters, & < >, and reads mentions, channels and links from
angle brackets alone once `verbatim` is set (docs.slack.dev, "Formatting text for app surfaces").
Text is cut before it is escaped, so that no entity is cut in half.
"""

import re
import unicodedata
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from qbot.domain.people import QBOT
from qbot.redaction import redact

WHEN: Final = "{date_short_pretty} {time}"  # a form of `moment`
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_WORST = 5  # characters of the longest entity, &amp;
_SLACK_ID = re.compile(r"[A-Z0-9]{2,32}")
_ELLIPSIS = "…"
_COLOURS = re.compile(r"\x1b\[[0-9;:?]*[ -/]*[@-~]")  # of terminals, in logs (ECMA-48, CSI)
_SPACES = re.compile(r"[ \t\r\n\f\v\x85\u2028\u2029]+")


def clean(text: str, limit: int) -> str:
    """One line without secrets, control, bidirectional and invisible characters, cut at `limit`.

    The result is not escaped: for `plain_text` objects, which Slack does not parse.
    """
    line = _SPACES.sub(" ", _COLOURS.sub("", text[: 4 * limit + 64]))
    if not line.isprintable():  # those categories are not, and most lines are
        line = "".join(c for c in line if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co"})
    return cut(redact(line.strip()), limit)


def cut(text: str, limit: int) -> str:
    """At most `limit` characters; what is cut ends in an ellipsis."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)].rstrip() + _ELLIPSIS


def prose(text: str, limit: int = 300) -> str:
    """Outside text inside mrkdwn; the result has at most five times `limit` characters."""
    return clean(text, limit).translate(_ENTITIES)


def code(text: str, limit: int = 100) -> str:
    """Outside text as a code span."""
    inner = clean(text.replace("`", "'"), limit).translate(_ENTITIES)
    return f"`{inner}`" if inner else "` `"


def room(limit: int) -> int:
    """How many characters of outside text fit `limit` even if each has to be escaped."""
    return limit // _WORST


def allowed(url: str, hosts: Collection[str]) -> bool:
    """Whether a link may go there: http(s), a host of ours; ".x.dev" allows all below x.dev."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme not in {"http", "https"} or parts.username or re.search(r"[\s<>|\\]", url):
        return False
    return any(host == h or (h.startswith(".") and host.endswith(h)) for h in hosts)


def link(url: str, label: str, hosts: Collection[str]) -> str:
    """A link where it is allowed, else only its label."""
    shown = prose(label, 80).replace("|", "¦")
    if not allowed(url, hosts):
        return shown
    return f"<{url.translate(_ENTITIES)}|{shown}>"


def mention(user: str) -> str:
    """A person, by the id that Slack signed; anything that is no id stays text."""
    if user == QBOT.user:
        return "Qbot"
    return f"<@{user}>" if _SLACK_ID.fullmatch(user) else prose(user, 40)


def with_people(sentence: str) -> str:
    """A sentence of Qbot's own, escaped; who something was done `by` is mentioned."""
    return re.sub(r"(?<=\bby )[UW][A-Z0-9]{2,31}\b", lambda m: mention(m[0]), sentence)


def moment(at: datetime, form: str = "{time}") -> str:
    """A time in the reader's own zone; clients that cannot do it show UTC.

    Args:
        at: aware.
        form: Slack's date tokens, for instance `{time_secs}`, `{date_short_pretty} {time}`.
    """
    return f"<!date^{int(at.timestamp())}^{form}|{stamp(at, seconds='secs' in form)}>"


def stamp(at: datetime, *, seconds: bool = False) -> str:
    """The same in UTC, for `plain_text` and fallbacks."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC" if seconds else "%Y-%m-%d %H:%M UTC")
