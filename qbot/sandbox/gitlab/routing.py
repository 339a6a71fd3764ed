"""Which handler serves a path. Paths are cut at `/` before they are decoded, as GitLab does it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from qbot.sandbox.gitlab.ask import Handler
from qbot.sandbox.gitlab.elsewhere import exists_elsewhere
from qbot.sandbox.gitlab.errors import NotBuiltError, no_route

EVERYWHERE = frozenset({"private_token", "access_token", "page", "per_page", "pagination"})


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint.

    `lacks` are parameters that GitLab has here and the stand-in refuses (501); one that neither
    `takes` nor `lacks` names is ignored, as GitLab does, but remembered.
    """

    method: str
    path: str
    handler: Handler
    takes: frozenset[str] = frozenset()
    lacks: frozenset[str] = frozenset()


def route(method: str, path: str, handler: Handler, takes: str = "", lacks: str = "") -> Route:
    """A route from words with spaces between them; `:x` in the path captures one segment."""
    return Route(method, path, handler, frozenset(takes.split()), frozenset(lacks.split()))


class Router:
    """The table of endpoints; the first that fits wins."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = [(tuple(r.path.strip("/").split("/")), r) for r in routes]

    def __iter__(self) -> Iterator[Route]:
        return (r for _, r in self._routes)

    def match(self, method: str, raw_path: str) -> tuple[Route, dict[str, str]]:
        """The route for a raw path below `/api/v4`, with what it captured, decoded.

        Raises:
            ApiError: a path that GitLab does not have either.
            NotBuiltError: GitLab has it, the stand-in does not.
        """
        segments = tuple(raw_path.strip("/").split("/"))
        methods = (method, "GET") if method == "HEAD" else (method,)
        for wanted in methods:
            for pattern, found in self._routes:
                captured = _fit(pattern, segments) if found.method == wanted else None
                if captured is not None:
                    return found, captured
        others = any(_fit(pattern, segments) is not None for pattern, _ in self._routes)
        if others or exists_elsewhere(segments):
            raise NotBuiltError(f"{method} {raw_path}")
        raise no_route()


def _fit(pattern: tuple[str, ...], segments: tuple[str, ...]) -> dict[str, str] | None:
    if len(pattern) != len(segments):
        return None
    captured = {}
    for wanted, given in zip(pattern, segments, strict=True):
        if wanted.startswith(":") and given:
            captured[wanted[1:]] = unquote(given)
        elif wanted != given:
            return None
    return captured
