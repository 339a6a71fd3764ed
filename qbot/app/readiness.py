"""What is asked of an environment besides being deployed, and the gateways that ask."""

from contextlib import AsyncExitStack

from qbot.app.release_mapping import jobs
from qbot.catalog import Catalog
from qbot.domain.ready import Ready
from qbot.domain.release_ports import JobRunner
from qbot.gateways.addresses import open_addresses


def open_ready(catalog: Catalog, runner: JobRunner, stack: AsyncExitStack) -> Ready | None:
    """As qbot.yaml wants it, or None; nothing is sent yet. The stack closes it."""
    part = catalog.environments.ready
    if not (part.url or part.job):
        return None
    addresses = open_addresses()
    stack.push_async_callback(addresses.close)
    return Ready(
        addresses=addresses,
        runner=runner,
        url=_url(catalog.environments.url, below=part.url),
        good=frozenset(part.status),
        within=part.within,
        job=jobs(catalog)[part.job] if part.job else None,
    )


def _url(url: str, *, below: bool | str) -> str:
    if isinstance(below, str):
        return f"{url.rstrip('/')}{below}"
    return url if below else ""
