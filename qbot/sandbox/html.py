"""Small pages for people to look at, escaped throughout; they are no part of any API."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape

from aiohttp import web

from qbot.sandbox.http import PAGE_HEADERS

GOOD = frozenset({"success", "passed", "merged", "Healthy", "Synced", "Succeeded"})
BAD = frozenset({"failed", "canceled", "closed", "Degraded", "Failed", "Error", "Missing"})


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


def element(name: str, *children: str | None, **attributes: str) -> Markup:
    """An element; text in it is escaped, None left out (`class_` is the attribute `class`)."""
    marks = "".join(f' {key.rstrip("_")}="{escape(value)}"' for key, value in attributes.items())
    inner = (c if isinstance(c, Markup) else escape(c) for c in children if c is not None)
    return Markup(f"<{name}{marks}>{''.join(inner)}</{name}>")


def link(text: str, href: str) -> Markup:
    """A link within the sandbox."""
    return element("a", text, href=href)


def code(text: str) -> Markup:
    """A version, a branch, a path."""
    return element("code", text)


def badge(status: str) -> Markup:
    """A status, coloured where it is clearly good or bad."""
    tone = " good" if status in GOOD else " bad" if status in BAD else ""
    return element("span", status or "unknown", class_=f"status{tone}")


def when(moment: datetime | None) -> str:
    """A moment, for people."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else ""


def facts(pairs: Iterable[tuple[str, str | None]]) -> Markup:
    """What is known, one line each; what is empty is left out."""
    shown = (Markup(element("dt", k) + element("dd", v)) for k, v in pairs if v)
    return element("dl", *shown)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, none: str) -> Markup:
    """A table that may scroll sideways; `none` is said where it has no rows."""
    lines = [element("tr", *(element("td", cell) for cell in row)) for row in rows]
    if not lines:
        return element("p", none, class_="quiet")
    head = element("tr", *(element("th", text, scope="col") for text in heads))
    whole = element("table", element("thead", head), element("tbody", *lines))
    return element("div", whole, class_="wide", tabindex="0")


def page(product: str, title: str, *content: str, status: int = 200) -> web.Response:
    """A page of a product; says of itself that it is a stand-in."""
    sheets = "".join(
        f'<link rel="stylesheet" href="/page/css/{name}.css">' for name in ("base", "plain")
    )
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta name="color-scheme" content="light dark">{element("title", f"{title} · {product}")}'
        f'<link rel="icon" href="/page/icon.svg">{sheets}'
    )
    top = element("header", element("strong", product), element("span", "stand-in of the sandbox"))
    body = element("main", element("h1", title), *content)
    text = f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{top}{body}</body></html>\n'
    return web.Response(text=text, status=status, content_type="text/html", headers=PAGE_HEADERS)


def missing(product: str, what: str) -> web.Response:
    """404, in a sentence."""
    return page(product, "Not found", element("p", f"There is no {what} here."), status=404)
