"""The routes of an application, as the authority knows them."""

from collections.abc import Sequence

from aiohttp import hdrs, web

from qbot.domain.subjects import Subject, of_route


def subjects_of(app: web.Application) -> Sequence[Subject]:
    """Every route that is served; HEAD is GET without its body."""
    return [
        of_route(route.method, route.resource.canonical if route.resource else "?")
        for route in app.router.routes()
        if route.method != hdrs.METH_HEAD
    ]
