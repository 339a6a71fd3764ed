"""Versions in configuration files: read one, change one, and leave every other character alone.

Pure: text in, text out. ruamel.yaml only says where a node is; what is written is the old text
with a few characters replaced, so that comments, order, quotes and line ends stay.
"""

from qbot.domain.stages import Format
from qbot.operations.configfiles import helm, kustomize
from qbot.operations.configfiles.refusals import refused


def current(form: Format, text: str, key: str) -> str | None:
    """The version that stands in the file; empty: the value is null; None: no such key.

    Raises:
        UserError: it is no YAML, or the value is none that Qbot could change.
    """
    found = _current(form, text, key)
    if found is not None and not found.isprintable():
        # It goes into messages and descriptions, where a line of its own could be a command.
        raise refused(key, "its value is not one line of printable text")
    return found


def _current(form: Format, text: str, key: str) -> str | None:
    match form:
        case Format.HELM:
            return helm.current(text, key)
        case Format.KUSTOMIZE:
            return kustomize.current(text, key)


def changed(form: Format, text: str, key: str, new: str) -> str:
    """The whole text with another version.

    Raises:
        UserError: naming the key and what is in the way.
    """
    if not new.isprintable():
        raise refused(key, "a version is one line of printable text")
    result = _changed(form, text, key, new)
    if current(form, result, key) != new:
        raise refused(key, "it is written in a way that Qbot cannot change")
    return result


def _changed(form: Format, text: str, key: str, new: str) -> str:
    match form:
        case Format.HELM:
            return helm.changed(text, key, new)
        case Format.KUSTOMIZE:
            return kustomize.changed(text, key, new)


__all__ = ["changed", "current"]
