"""What can be known to be right before anything is opened: `qbot check-config`."""

from collections.abc import Iterator
from pathlib import Path

from qbot.app.covering import covered, declared
from qbot.app.digests import NO_CHARTS, lacks_charts
from qbot.app.releases import authority
from qbot.catalog import Catalog, load_catalog
from qbot.catalog.unusable import unusable
from qbot.render.words import plural
from qbot.settings.loading import from_process


def checked(env_file: Path | None) -> Iterator[str]:
    """A line for each thing that is right, as soon as it is known, or right and of no use.

    Raises:
        PermanentError: something is wrong; names all of it.
    """
    settings = from_process(env_file)
    yield "settings: complete; no address or token was tried, `qbot serve` does that as it starts"
    catalog = load_catalog(settings.config, instances=settings.argocd, secrets=settings.jobs)
    yield f"{settings.config}: {_counted(catalog)}"
    for warning in (*unusable(catalog), *([NO_CHARTS] if lacks_charts(catalog) else [])):
        yield f"{settings.config}: warning: {warning}"
    rules, ways = authority(catalog), declared()
    covered(rules, ways)
    changed = len(catalog.policy)
    restricted = f"; qbot.yaml changes {changed} of them" if changed else ""
    yield f"rights: every command, button, form, page and timed job has a rule{restricted}"


def _counted(catalog: Catalog) -> str:
    """How much of everything there is."""
    parts = {
        "service": catalog.services,
        "set of services": catalog.sets,
        "stage": catalog.stages,
        "role": catalog.roles,
        "person": catalog.people,
        "job": catalog.jobs,
        "freeze": catalog.freezes,
    }
    many = {"set of services": "sets of services", "person": "people"}
    found = [plural(len(part), name, many.get(name, "")) for name, part in parts.items() if part]
    return ", ".join(found) or "no services"
