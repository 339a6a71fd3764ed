"""What can be known to be right before anything is opened: `qbot check-config`."""

from collections.abc import Iterator
from pathlib import Path

from qbot.app.covering import covered, declared
from qbot.app.releases import authority
from qbot.catalog import Catalog, load_catalog
from qbot.domain.authority import DEFAULTS
from qbot.settings.loading import from_process


def checked(env_file: Path | None) -> Iterator[str]:
    """A line for each thing that is right, as soon as it is known.

    Raises:
        PermanentError: something is wrong; names all of it.
    """
    settings = from_process(env_file)
    yield "settings: complete"
    catalog = load_catalog(settings.config, instances=settings.argocd, secrets=settings.jobs)
    yield f"{settings.config}: {_counted(catalog)}"
    rules, ways = authority(catalog), declared()
    covered(rules, ways)
    restricted = f", {len(catalog.policy)} by qbot.yaml" if catalog.policy else ""
    yield f"rights: {len(ways)} ways in, each with one of {len(DEFAULTS)} rules{restricted}"


def _counted(catalog: Catalog) -> str:
    """How much of everything there is."""
    parts = {
        "services": catalog.services,
        "sets": catalog.sets,
        "stages": catalog.stages,
        "roles": catalog.roles,
        "people": catalog.people,
        "jobs": catalog.jobs,
        "freezes": catalog.freezes,
    }
    return ", ".join(f"{len(part)} {name}" for name, part in parts.items() if part)
