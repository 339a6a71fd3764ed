"""Helm values files: a version is the value of a dotted key path, such as `image.tag`."""

from qbot.domain.dotted import parts
from qbot.operations.configfiles.nodes import Document, Place, documents, pair_of, place
from qbot.operations.configfiles.refusals import refused
from qbot.operations.configfiles.splicing import replacing, spliced


def current(text: str, key: str) -> str | None:
    """See `qbot.operations.configfiles.current`."""
    found = _find(text, key)
    return found.value if found else None


def changed(text: str, key: str, new: str) -> str:
    """See `qbot.operations.configfiles.changed`."""
    found = _find(text, key)
    if found is None:
        raise refused(key, "the file has no such key", hint="Add it once by hand.")
    return spliced(text, [replacing(found, new)])


def _find(text: str, key: str) -> Place | None:
    found = [p for d in documents(text, key) if (p := _within(d, text, key))]
    if len(found) > 1:
        raise refused(key, "several documents of the file have it", hint="Leave it in one.")
    return found[0] if found else None


def _within(document: Document, text: str, key: str) -> Place | None:
    node = document.root
    *parents, last = parts(key)
    for part in parents:
        found = pair_of(document, node, part, key)
        if found is None:
            return None
        node = found.value
    found = pair_of(document, node, last, key)
    return place(document, found, text, key) if found else None
