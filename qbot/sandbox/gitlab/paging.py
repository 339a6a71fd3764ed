"""Pages of a list: by offset with its headers, or by keyset with a link alone."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from qbot.sandbox.gitlab.ask import Ask, Reply
from qbot.sandbox.gitlab.errors import ApiError, NotBuiltError

_COUNTED = 10_000  # longer lists come without totals
_MOST = 100
Row = TypeVar("Row")


def per_page(ask: Ask) -> int:
    """How many rows the asker gets."""
    wanted = ask.params.integer("per_page", 20)
    if wanted < 1:
        raise NotBuiltError("per_page below 1")
    return min(wanted, _MOST)


def offset_page(
    ask: Ask, rows: Sequence[Row], show: Callable[[Row], Any], *, counted: bool = True
) -> Reply:
    """One page of rows. Not `counted`: no totals, and a full page claims a next one."""
    if ask.params.text("pagination") == "keyset":
        error = "Keyset pagination is not yet available for this type of request"
        raise ApiError(405, {"error": error})
    page, size = max(1, ask.params.integer("page", 1)), per_page(ask)
    shown = rows[(page - 1) * size : page * size]
    total = len(rows)
    counted = counted and total <= _COUNTED
    more = page * size < total if counted else len(shown) == size
    headers = {
        "X-Page": str(page),
        "X-Per-Page": str(size),
        "X-Next-Page": str(page + 1) if more else "",
        "X-Prev-Page": str(page - 1) if page > 1 else "",
    }
    pages = max(1, -(-total // size))
    links = [("prev", page - 1)] * (page > 1) + [("next", page + 1)] * more + [("first", 1)]
    if counted:
        headers |= {"X-Total": str(total), "X-Total-Pages": str(pages)}
        links.append(("last", pages))
    headers["Link"] = ", ".join(
        _link(ask, {"page": number, "per_page": size}, rel) for rel, number in links
    )
    return Reply([show(row) for row in shown], headers=headers)


def keyset_page(
    ask: Ask,
    rows: Sequence[Row],
    show: Callable[[Row], Any],
    *,
    token: str,
    key: Callable[[Row], str],
) -> Reply:
    """The first of rows that begin behind the last page; the last page has no link.

    The link to the next page carries the last row's key in the parameter `token`.
    """
    size = per_page(ask)
    shown = rows[:size]
    headers = {}
    if size < len(rows):
        headers["Link"] = _link(ask, {token: key(shown[-1]), "per_page": size}, "next")
    return Reply([show(row) for row in shown], headers=headers)


def rows_after(ask: Ask, rows: Sequence[Row], token: str, key: Callable[[Row], str]) -> list[Row]:
    """The rows behind the one whose key the parameter `token` names; all where it is absent."""
    if not ask.params.has(token):
        return list(rows)
    keys = [key(row) for row in rows]
    if (after := ask.params.text(token)) not in keys:
        raise NotBuiltError(f"a {token} that is not in the list (any more)")
    return list(rows[keys.index(after) + 1 :])


def _link(ask: Ask, changed: dict[str, Any], rel: str) -> str:
    hidden = {"private_token", "access_token"}
    kept = [(n, v) for n, v in ask.request.query.items() if n not in changed and n not in hidden]
    path = ask.request.raw_path.partition("?")[0].removeprefix("/gitlab")
    return f'<{ask.world.url}{path}?{urlencode([*kept, *changed.items()])}>; rel="{rel}"'
