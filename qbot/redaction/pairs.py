"""Secrets that are known by the key before them, in lines of logs, errors and settings.

After a key comes `=` or `:`, it stands in quotes or not, and so does its value: what programs
print of their settings, JSON, YAML, Python, Go, command lines, headers of HTTP. Text that only
speaks of a token stays: `token-api: up`, `Secret/db-password: denied`, `the token: is missing`.
"""

import re
from functools import lru_cache

from qbot.redaction.forms import MASK
from qbot.redaction.telling import ends_telling, is_header, tells

_ANY = re.compile(r"(?i)pass|pw|secret|credential|token|signature|sess|key|auth|cookie|docker")
_QUOTE = r"\\{0,7}(?:\"\"\"|'''|[\"'`])"
_PAIR = re.compile(
    r"""(?:["'`](?P<quoted>[^\s"'`\\=:,]++)\\{0,7}["'`]\]?(?P<gap>[ \t]*)"""
    r"""|(?<![\w.$-])(?P<bare>[\w.$-]++)[ \t]*)"""
    r"""(?P<sign>=>|:=|=(?!=)|:(?!:))[ \t]*"""
)
_QUOTED = re.compile(rf"(?P<q>{_QUOTE})(?P<value>(?:(?!(?P=q))(?:\\.|[^\n]))*+)")
_LIST = re.compile(r"(?P<value>\[[^\]\n]*\]?)")
_NEXT = r"""(?:["'\s]*[\w.$-]++["']?\s*[=:]|[\s"'{}\[\]();,]|$)"""  # after it: another pair
_WORD = re.compile(rf"""(?P<value>(?:[^\s"'`,;&)}}\]]|[,;&)}}\]](?!{_NEXT})|(?<=\w)["'](?=\w))+)""")
_LINE = re.compile(
    r"""(?P<value>(?:(?!\\{0,7}["'`](?:\s*(?:[}\])]|,\s*["'\\])|\s|$))[^\r\n])+)""", re.MULTILINE
)
_FLAG = re.compile(
    r"""(?<!\S)--?(?P<key>[A-Za-z][\w-]*+)[ \t]+(?P<q>["']?)"""
    r"""(?P<value>(?=[^\s"']*[^A-Za-z\s"'])[^\s"'-][^\s"']*)"""
)
_BELOW = re.compile(r"\r?\n[ \t]+(?P<value>[^\s:#-][^\s:]*)[ \t]*(?=[\r\n]|\Z)")  # YAML, folded
_BLOCK = re.compile(  # the first line of YAML's, literal or folded
    r"(?:[!&]\S{1,200}+[ \t]++){0,2}[|>][\d+-]{0,2}(?:[ \t]++(?:#[^\n]{0,500})?)?\r?\n"
)
_BLANK = r"(?:[ \t]*+\r?\n)*+"
_NAMED = re.compile(r"""\bname[\\"']*\s*[:=]\s*[\\"']*(?P<key>[\w.-]+)[\\"']*[,\s]+$""")
_FAR = 120  # characters before a `value` in which its name is looked for
_SAYS_NOTHING = re.compile(
    r"(?i:true|false|null|nil|none|undefined|yes|no|~|[|>]-?|<[a-z ]*>|\*+)?"
    r"|\$\{[^}]*\}|\$?[A-Z]+(?:_+[A-Z]+)+(?:[ \t].*)?|\{.*"
)
_SPEAKS = re.compile(  # what follows a colon in a sentence
    r"(?i)(?:is|was|has|are|not|must|cannot|could|failed|invalid|expired|missing|required|unknown"
    r"|unauthorized|denied|forbidden|empty|unset|revoked|wrong|rejected|refused|the"
    r"|make(?= (?:a|one)\b)|chmod(?= [\dugoa]))(?![\w-])"
)
_VERSION = re.compile(r"v?\d+(?:\.\d+)+|latest\b|sha256:")  # of an image


def without_values(text: str) -> str:
    """The text with a mask for each value whose key tells that it is a secret."""
    if not _ANY.search(text):
        return text
    parts: list[str] = []
    done = at = 0
    while pair := _PAIR.search(text, at):
        at = pair.end()
        value = _value(text, pair)
        if value and not _SAYS_NOTHING.fullmatch(value["value"].strip()):
            parts += (text[done : value.start("value")], MASK)
            done = at = value.end("value")
    return _FLAG.sub(_flag, "".join((*parts, text[done:])))


def _value(text: str, pair: re.Match[str]) -> re.Match[str] | None:
    """Where the secret stands that belongs to this key."""
    at, key, colon = pair.end(), pair["quoted"] or pair["bare"], pair["sign"] == ":"
    if text.startswith(MASK, at) or not _is_telling(text, pair, key, colon=colon):
        return None
    for form in (_QUOTED, _LIST, _BELOW):
        if inside := form.match(text, at):
            return inside
    if (block := _BLOCK.match(text, at)) and (inside := _inside(text, pair, block)):
        return inside
    if pair["gap"]:  # `volume "db-secret" : secret "db" not found`
        return None
    whole = colon and pair["bare"] and (is_header(key) or _begins_a_line(text, pair.start()))
    return (_LINE if whole else _WORD).match(text, at)


def _inside(text: str, pair: re.Match[str], block: re.Match[str]) -> re.Match[str] | None:
    """The lines of a block: blank, or deeper than its key; after a key in a sentence, indented."""
    start = pair.start()
    column = start - text.rfind("\n", 0, start) - 1 if _begins_a_line(text, start) else 0
    return _deeper(column).match(text, block.end())


@lru_cache(maxsize=64)
def _deeper(column: int) -> re.Pattern[str]:
    deep = rf"[ \t]{{{column + 1},}}+"
    return re.compile(rf"{_BLANK}{deep}(?P<value>[^\n]*+(?:\n{_BLANK}{deep}[^\n]*+)*+)")


def _is_telling(text: str, pair: re.Match[str], key: str, *, colon: bool) -> bool:
    if key == "value":
        named = _NAMED.search(text, max(pair.start() - _FAR, 0), pair.start())
        return named is not None and tells(named["key"])
    if is_header(key):
        return True
    if not tells(key):
        return False
    if pair["quoted"] or not colon:
        return True
    glued = pair.end("sign") == pair.end()
    return (
        ends_telling(key)
        and text[pair.start() - 1 : pair.start()] != "/"
        and not _SPEAKS.match(text, pair.end())
        and not (glued and _VERSION.match(text, pair.end()))
    )


def _begins_a_line(text: str, at: int) -> bool:
    """Indented, or an entry of a list: as in YAML."""
    return not text[text.rfind("\n", 0, at) + 1 : at].strip(" \t-")


def _flag(found: re.Match[str]) -> str:
    if not (tells(found["key"]) and ends_telling(found["key"])):
        return found[0]
    return f"{found[0][: found.start('value') - found.start()]}{MASK}"
