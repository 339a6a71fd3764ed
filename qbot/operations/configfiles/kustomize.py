"""Kustomizations: a version is the `newTag` or the `digest` of one entry of `images`.

The key is the entry's `name`. A version that begins with sha256: goes to `digest`, any other to
`newTag`; an entry has one of the two when Qbot leaves it.
"""

import re
from collections.abc import Iterator

from ruamel.yaml.nodes import MappingNode, SequenceNode

from qbot.operations.configfiles.nodes import (
    Document,
    Pair,
    Place,
    alone,
    documents,
    pair_of,
    place,
)
from qbot.operations.configfiles.refusals import refused
from qbot.operations.configfiles.splicing import Splice, replacing, spliced

_TAG, _DIGEST = "newTag", "digest"
_REST = re.compile(r"[ \t]*,?[ \t]*(?:#.*)?\r?$", re.MULTILINE)  # of a line that goes
Entry = dict[str, Place]


def current(text: str, key: str) -> str | None:
    """See `qbot.operations.configfiles.current`. A digest counts before a tag, as in Kustomize."""
    entry = _find(text, key)
    values = [entry[name].value for name in (_DIGEST, _TAG) if name in entry]
    return next((v for v in values if v), "" if values else None)


def changed(text: str, key: str, new: str) -> str:
    """See `qbot.operations.configfiles.changed`."""
    entry = _find(text, key)
    if not entry:
        raise refused(
            key,
            "no entry of `images` has that name and a `newTag` or `digest`",
            hint="Add one once by hand.",
        )
    wanted, other = (_DIGEST, _TAG) if new.startswith("sha256:") else (_TAG, _DIGEST)
    if wanted not in entry:
        renamed = _renaming(entry[other].pair, wanted)
        return spliced(text, [renamed, replacing(entry[other], new)])
    splices = [replacing(entry[wanted], new)]
    if other in entry:
        splices.append(_removing(entry[other], text))
    return spliced(text, splices)


def _find(text: str, key: str) -> Entry:
    """The places of tag and digest in the entry of that name; empty: there is none."""
    found = [
        (document, entry)
        for document in documents(text, key)
        for entry in _entries(document, key)
        if ("name", key) in ((k.value, v.value) for k, v in entry.value)
    ]
    if len(found) > 1:
        raise refused(key, "several entries of `images` have that name", hint="Leave one.")
    return _entry(*found[0], text, key) if found else {}


def _entries(document: Document, key: str) -> Iterator[MappingNode]:
    images = pair_of(document, document.root, "images", key)
    if images is not None and isinstance(images.value, SequenceNode):
        alone(document, images.value, key)
        yield from (e for e in images.value.value if isinstance(e, MappingNode))


def _entry(document: Document, entry: MappingNode, text: str, key: str) -> Entry:
    places: Entry = {}
    for name in (_TAG, _DIGEST):
        if pair := pair_of(document, entry, name, key):
            alone(document, pair.key, key)
            places[name] = place(document, pair, text, key)
    return places


def _renaming(pair: Pair, name: str) -> Splice:
    """Another key, quoted as the old one."""
    quote = pair.key.style or ""
    end = pair.key.end_mark.index
    return Splice(end - len(f"{quote}{pair.key.value}{quote}"), end, f"{quote}{name}{quote}")


def _removing(gone: Place, text: str) -> Splice:
    """The pair without its line, or out of the middle of one."""
    pair, start = gone.pair, gone.pair.key.start_mark.index
    keys = [k for k, _ in pair.parent.value]
    following = keys[keys.index(pair.key) + 1 :]
    line = text.rfind("\n", 0, start) + 1
    if not text[line:start].strip() and _REST.match(text, gone.end):
        return _line(line, gone.end, text)
    if following:
        return Splice(start, following[0].start_mark.index)
    comma = text.rfind(",", line, start)
    return Splice(comma if comma >= 0 else start, gone.end)


def _line(start: int, end: int, text: str) -> Splice:
    """Whole lines; without a line's end behind them, the one before goes."""
    over = text.find("\n", end) + 1
    if over:
        return Splice(start, over)
    return Splice(len(text[:start].rstrip("\r\n")), len(text))
