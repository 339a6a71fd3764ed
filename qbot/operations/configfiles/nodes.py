"""Where things stand in a YAML text: documents, mappings, and scalars that can be replaced."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from qbot.operations.configfiles.refusals import refused

_MERGE = "tag:yaml.org,2002:merge"
_PROPERTY = re.compile(r"[&!]\S*\s*")
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_COLON = re.compile(r"[ \t]*:")
_NAMED = re.compile(r" '[^'<]{3,}'")  # in a parser's message: what may be half of a password
_STRING_TAGS = ("!", "!!str", "!<tag:yaml.org,2002:str>")
_LONGEST = 500_000  # characters; to read them takes a second, in which nothing else is done
_ON_ONE_LINE = "Write the value out, on the line of its key."


@dataclass(frozen=True, slots=True)
class Document:
    """One document. `shared` are the ids of its nodes that an alias stands for as well."""

    root: Node
    shared: frozenset[int]


@dataclass(frozen=True, slots=True)
class Pair:
    """A key of a mapping, and what it holds."""

    parent: MappingNode
    key: ScalarNode
    value: Node


@dataclass(frozen=True, slots=True)
class Place:
    """A scalar that may be replaced: `start` and `end` count characters of the whole text."""

    pair: Pair
    node: ScalarNode
    start: int
    end: int
    flow: bool  # within braces or brackets

    @property
    def value(self) -> str:
        """As it is written, without quotes: `1.10` stays that."""
        text: str = self.node.value
        return "" if self.node.style is None and text in _NULLS else text


def documents(text: str, key: str) -> tuple[Document, ...]:
    """All documents of a file; `key` is what an error names.

    Raises:
        UserError: the text is no YAML, or too long.
    """
    if len(text) > _LONGEST:
        raise refused(key, f"the file has more than {_LONGEST:,} characters")
    yaml = YAML(typ="safe", pure=True)
    yaml.composer.warn_double_anchors = False  # an anchor may be set anew: YAML 1.2, 3.2.2.2
    try:
        return tuple(
            Document(root, _shared(root)) for root in yaml.compose_all(text) if root is not None
        )
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" in line {mark.line + 1}" if mark else ""
        why = _NAMED.sub("", error.problem or "")
        raise refused(key, f"the file is no YAML{where}: {why}") from None
    except (YAMLError, ValueError):
        raise refused(key, "the file is no YAML") from None
    except RecursionError:
        raise refused(key, "the file is nested too deeply") from None


def _shared(root: Node) -> frozenset[int]:
    times = Counter({id(root): 1})
    left = [root]
    while left:
        for child in _children(left.pop()):
            times[id(child)] += 1
            if times[id(child)] == 1:
                left.append(child)
    return frozenset(node for node, count in times.items() if count > 1)


def _children(node: Node) -> Iterator[Node]:
    if isinstance(node, MappingNode):
        for pair in node.value:
            yield from pair
    elif isinstance(node, SequenceNode):
        yield from node.value


def pair_of(document: Document, node: Node, name: str, key: str) -> Pair | None:
    """The one pair of that name; None: there is none, or it is no mapping.

    Raises:
        UserError: it is there twice, or may come out of a merge key; or an alias stands for
            the mapping, so that a change of it would change other keys.
    """
    if not isinstance(node, MappingNode):
        return None
    own = [p for p in node.value if isinstance(p[0], ScalarNode) and p[0].value == name]
    if len(own) > 1:
        raise refused(key, f"`{name}` is there twice", hint="Remove one of the two.")
    if own:
        alone(document, node, key)
        return Pair(node, *own[0])
    if any(k.tag == _MERGE for k, _ in node.value):
        raise refused(key, f"`{name}` may come from a merge key (`<<`)", hint=_ON_ONE_LINE)
    return None


def alone(document: Document, node: Node, key: str) -> None:
    """Make sure that a change of the node changes nothing else.

    Raises:
        UserError: an alias stands for it.
    """
    if id(node) in document.shared:
        raise refused(
            key, "an anchor and an alias share the value with other keys", hint=_ON_ONE_LINE
        )


def place(document: Document, pair: Pair, text: str, key: str) -> Place:
    """The pair's value, if it can be replaced.

    Raises:
        UserError: it cannot; why.
    """
    node = pair.value
    alone(document, node, key)
    if not isinstance(node, ScalarNode):
        kind = "mapping" if isinstance(node, MappingNode) else "list"
        raise refused(key, f"its value is a {kind}, not a text")
    start, end = node.start_mark.index, node.end_mark.index
    if node.style in ("|", ">") or node.start_mark.line != node.end_mark.line:
        raise refused(key, "its value goes over several lines", hint=_ON_ONE_LINE)
    if start == end:
        start = end = _after_colon(pair, text, key)
    else:
        start = _after_properties(text, start, end, key)
    return Place(pair, node, start, end, flow=bool(pair.parent.flow_style))


def _after_properties(text: str, start: int, end: int, key: str) -> int:
    """Behind anchor and tag, which stay."""
    while found := _PROPERTY.match(text, start, end):
        tag = found[0].rstrip()
        if tag.startswith("!") and tag not in _STRING_TAGS:
            raise refused(key, "its value has a tag", hint="Remove the tag.")
        start = found.end()
    if start == end:
        raise refused(key, "its value is an anchor or a tag alone", hint=_ON_ONE_LINE)
    return start


def _after_colon(pair: Pair, text: str, key: str) -> int:
    """Where a value would stand: marks of a value that is not there are those of what follows."""
    found = _COLON.match(text, pair.key.end_mark.index)
    if found is None:
        raise refused(key, "it has no value", hint=_ON_ONE_LINE)
    return found.end()
