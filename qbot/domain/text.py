"""What people paste into a slash command -> plain words.

Slack, Apple keyboards and word processors change what was meant: curly quotes, long dashes,
entities, links, backticks, invisible characters. Everything here is undone before parsing.
Entity forms: Slack's "Formatting text for app surfaces"; escapes arrive with should_escape.
"""

import re
import shlex
from urllib.parse import unquote

from qbot.errors import UserError

_QUOTES = str.maketrans(
    {
        "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"', "\u00bb": '"',
        "\u2018": "'", "\u2019": "'", "\u201a": "'",
        "\u00a0": " ", "\u202f": " ", "\u2007": " ", "\u3000": " ",
        "`": None, "\u200b": None, "\u200c": None, "\u200d": None, "\u2060": None, "\ufeff": None,
        "\u200e": None, "\u200f": None, "\u202a": None, "\u202b": None, "\u202c": None,
        "\u202d": None, "\u202e": None, "\u2066": None, "\u2067": None, "\u2068": None,
        "\u2069": None,
    }
)  # fmt: skip
_DASHES = re.compile(r"(?<!\S)[\u2012-\u2015\u2212]-?(?=[a-z])")  # one long dash was two hyphens
_APOSTROPHE = re.compile(r"(?<=[^\W\d_])'(?=[^\W\d_])")  # as in don't
_NO_QUOTE = "\ue000"  # stands for it while words are told apart
_LINK = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")
# Typed brackets. None stands inside, and nothing is tried twice: else many took minutes.
_ANGLED = re.compile(
    r"&lt;<?(https?://(?:(?!&[lg]t;)[^\s<>|])++)(?:\|(?:(?!&[lg]t;)[^<>])*+)?>?&gt;"
)
_LONGEST = 16_000  # characters; two hundred services with a version each stay below
_TREE = re.compile(r"/-/(?:tree|commits)/([^?#]+)")


def whole(text: str) -> str:
    """Half of a character, which JSON can carry and nothing can store, becomes a question mark."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def words(text: str) -> list[str]:
    """The words of a command line, quotes resolved.

    Raises:
        UserError: it is too long, or a quote was opened and never closed.
    """
    if len(text) > _LONGEST:
        raise UserError(
            f"The command has {len(text):,} characters; {_LONGEST:,} is the most.",
            hint="Name fewer services at a time.",
        )
    typed = _ANGLED.sub(r"<\1>", whole(text).translate(_QUOTES))
    plain = _unescape(_LINK.sub(_unlink, typed))
    plain = _APOSTROPHE.sub(_NO_QUOTE, _DASHES.sub("--", plain))
    lexer = shlex.shlex(plain, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.commenters = ""
    lexer.escape = ""
    try:
        return [word.replace(_NO_QUOTE, "'") for word in lexer]
    except ValueError:
        raise UserError(
            "A quote in the command is opened and never closed.",
            hint='Close it, as in `--reason "two words"`; one word needs no quotes.',
        ) from None


def as_written(text: str) -> str:
    """What Slack made of a line, as its writer saw it: names in the place of ids."""
    return _unescape(_LINK.sub(_named, text))


def _named(match: re.Match[str]) -> str:
    target, label = match[1], match[2]
    if target.startswith("!"):
        return match[0]
    sign = target[0] if label and target.startswith(("@", "#")) else ""
    return f"{sign}{label or target.removeprefix('mailto:')}"


def _unlink(match: re.Match[str]) -> str:
    """One `<...>` of Slack: a person, a channel, a link or an address."""
    target, label = match[1], match[2]
    if target.startswith(("@", "#", "!")):
        return f"<{target}>"
    if tree := _TREE.search(target):
        return shlex.quote(unquote(tree[1]))
    if label:
        return label
    return target.removeprefix("mailto:")


def _unescape(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
