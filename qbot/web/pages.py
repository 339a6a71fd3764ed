"""The few pages that a browser sees: plain HTML, no script, nothing loaded, nothing kept."""

from html import escape

from aiohttp import web

_PAGE = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>body {{ font: 1.1em sans-serif; max-width: 34em; margin: 4em auto; padding: 0 1em }}
button {{ font: inherit; padding: .5em 1em }}</style></head>
<body><h1>{title}</h1>
{body}</body></html>
"""
_FORM = '<form method="post"><button>{}</button></form>\n'


def page(
    title: str, *paragraphs: str, status: int = 200, button: str = "", leads_to: str = ""
) -> web.Response:
    """A page of plain texts, each escaped here.

    Args:
        title: of the page.
        paragraphs: below it.
        status: of the answer.
        button: its text; pressing it posts to the page's own address.
        leads_to: the origin that the button's answer may send the browser to.
    """
    body = "".join(f"<p>{escape(text)}</p>\n" for text in paragraphs if text)
    if button:
        body += _FORM.format(escape(button))
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action 'self' {leads_to}".rstrip()
    )
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",  # the address itself is a secret
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex",
    }
    text = _PAGE.format(title=escape(title), body=body)
    return web.Response(status=status, text=text, content_type="text/html", headers=headers)
