"""qbot.yaml against what is in GitLab's repositories: branches, charts, files, keys. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from qbot.domain.diagnosis.findings import Area, Notes, Unread, shortened
from qbot.domain.stages import Format


@dataclass(frozen=True, slots=True)
class Place:
    """One path at one branch, tag or commit of a project, and which key of qbot.yaml names it.

    `branch`: the ref itself is what has to be there, and `path` is empty.
    """

    project: str
    ref: str
    path: str
    key: str

    @property
    def told(self) -> str:
        """For people."""
        where = f"{self.project} at {self.ref}"
        return f"{self.path} in {where}" if self.path else where


@dataclass(frozen=True, slots=True)
class Version:
    """Where a stage's version of one service has to be written: a key of a file."""

    stage: str
    service: str
    place: Place
    key: str
    form: Format


@dataclass(frozen=True, slots=True)
class RepositoryNeeds:
    """What qbot.yaml says is there."""

    branches: tuple[Place, ...]
    charts: tuple[Place, ...]  # their Chart.yaml
    values: tuple[Place, ...]  # value files of charts
    versions: tuple[Version, ...]


@dataclass(frozen=True, slots=True)
class RepositoryFacts:
    """What was read, for each place that could be asked for. `keys`: a wrong key, in words."""

    there: Mapping[Place, bool | Unread]
    keys: Mapping[Version, str | Unread]


def judge_repositories(needs: RepositoryNeeds, facts: RepositoryFacts) -> Notes:
    """All of it; what is in a project that cannot be seen is not told again."""
    notes = Notes.of(Area.CATALOG)
    gone = {(p.project, p.ref) for p in needs.branches if facts.there.get(p) is False}
    for place in needs.branches:
        if facts.there.get(place) is False:
            notes.broken(
                f"catalog.branch.{place.project}",
                f"{place.project} has no branch {place.ref}, which {place.key} names.",
                remedy=f"Put {place.key} right in qbot.yaml, or make the branch.",
            )
    for kind, places in (("chart", needs.charts), ("values", needs.values)):
        for place in places:
            if facts.there.get(place) is False and (place.project, place.ref) not in gone:
                notes.broken(
                    f"catalog.{kind}.{place.project}.{place.path}",
                    f"There is no {place.told}, which {place.key} names.",
                    cause="Argo CD could not render the chart.",
                    remedy=f"Put {place.key} right in qbot.yaml, or commit the file.",
                )
    _versions(notes, needs, facts, lambda p: (p.project, p.ref) in gone)
    _unread(notes, facts)
    known = sum(there is True for there in facts.there.values())
    notes.well.append(f"qbot.yaml: {known} branches and files are there")
    return notes


def _versions(
    notes: Notes, needs: RepositoryNeeds, facts: RepositoryFacts, gone: Callable[[Place], bool]
) -> None:
    """Of the versions of a stage."""
    for version in needs.versions:
        wrong = facts.keys.get(version)
        if isinstance(wrong, str) and wrong and not gone(version.place):
            notes.broken(
                f"catalog.version.{version.stage}.{version.service}",
                f"{version.stage} has no version of {version.service} to write: {wrong}",
                remedy=f"Put {version.place.key} right in qbot.yaml, or commit the file with it.",
            )


def _unread(notes: Notes, facts: RepositoryFacts) -> None:
    found: dict[Unread, list[str]] = {}
    for place, there in facts.there.items():
        if isinstance(there, Unread):
            found.setdefault(there, []).append(place.told)
    for version, wrong in facts.keys.items():
        if isinstance(wrong, Unread):
            found.setdefault(wrong, []).append(version.place.told)
    for fact, places in found.items():
        name = f"catalog.unread.{places[0]}"
        notes.unread(name, shortened(list(dict.fromkeys(places))), fact)
