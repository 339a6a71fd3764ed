"""GitLab: the token, its scope and end, and the role in each project and group. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum
from types import MappingProxyType

from qbot.domain.diagnosis.findings import Area, Notes, Severity, Unread, shortened

_TOKENS = "QBOT_GITLAB__TOKEN"
_SOON = 14  # days before its end in which a token is called short-lived
_SIGNING = (19, 0)  # signing tokens of webhooks
_RESENDING = (17, 3)  # lists of failed deliveries


class Level(IntEnum):
    """GitLab's access levels."""

    NONE = 0
    GUEST = 10
    PLANNER = 15
    REPORTER = 20
    SECURITY_MANAGER = 25
    DEVELOPER = 30
    MAINTAINER = 40
    OWNER = 50

    @property
    def words(self) -> str:
        """As GitLab calls it."""
        return self.name.replace("_", " ").capitalize()


def level_of(number: int) -> Level:
    """The highest that an access level reaches; GitLab may have others in between."""
    return max(level for level in Level if level <= max(number, 0))


@dataclass(frozen=True, slots=True)
class Use:
    """What Qbot does in a project. `branch`: merge requests go there, so its rules count."""

    project: str
    least: Level
    why: str
    branch: str = ""


@dataclass(frozen=True, slots=True)
class GitLabNeeds:
    """What qbot.yaml asks of GitLab. `writes`, `notes`: what takes the scope `api`."""

    uses: tuple[Use, ...]
    groups: Mapping[str, str]  # of roles, and the role that each is for
    writes: bool
    notes: bool
    signed: bool  # webhooks have nothing but signing tokens


@dataclass(frozen=True, slots=True)
class GitLabToken:
    """What GitLab says of the token and its account."""

    username: str
    admin: bool
    scopes: frozenset[str] | Unread
    expires: date | None

    @property
    def reads_nothing(self) -> bool:
        """GitLab shows it no project, whatever its account may do."""
        return not isinstance(self.scopes, Unread) and self.scopes.isdisjoint(("api", "read_api"))


@dataclass(frozen=True, slots=True)
class SeenProject:
    """A project as the token sees it. `merging`: what merging into a branch takes."""

    level: Level
    archived: bool
    default_branch: str
    merging: Mapping[str, Level | Unread] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class GitLabFacts:
    """What was read."""

    token: GitLabToken
    version: str | Unread
    projects: Mapping[str, SeenProject | Unread | None]  # None: GitLab shows none
    groups: Mapping[str, bool | Unread]  # whether GitLab shows it
    today: date


def judge_gitlab(needs: GitLabNeeds, facts: GitLabFacts) -> Notes:
    """All of it but webhooks and what is in repositories."""
    notes = Notes.of(Area.GITLAB)
    _scope(notes, needs, facts.token)
    _end(notes, facts)
    _version(notes, needs, facts.version)
    _unseen(notes, needs, facts)
    _roles(notes, needs, facts)
    _groups(notes, needs, facts)
    return notes


def judge_blind(needs: GitLabNeeds, token: GitLabToken) -> Notes:
    """Of a token that reads nothing: that alone, for nothing else can be told."""
    notes = Notes.of(Area.GITLAB)
    wanted = "api" if needs.writes or needs.notes else "read_api"
    notes.broken(
        f"gitlab.scope.{wanted}",
        f"The token of {token.username} has neither the scope api nor read_api.",
        cause="GitLab lets it read no project, so Qbot can do nothing there.",
        remedy=f"A token's scopes cannot be changed: make a new one with {wanted} for {_TOKENS}.",
        lines=(wanted,),
    )
    notes.unchecked("gitlab.all", "Everything else about GitLab", "See above.")
    return notes


def _scope(notes: Notes, needs: GitLabNeeds, token: GitLabToken) -> None:
    if isinstance(token.scopes, Unread):
        notes.unread("gitlab.scope", f"The scope of {_TOKENS}", token.scopes)
        return
    if "api" in token.scopes:
        notes.well.append(f"GitLab: token of {token.username}, scope api")
        return
    told = {"cause": "Stages and jobs write to GitLab." if needs.writes else
            "Comments on merge requests need it; environments.merge_request_note: false does "
            "without."}  # fmt: skip
    if needs.writes or needs.notes:
        notes.add(
            Severity.BROKEN if needs.writes else Severity.LACKING,
            "gitlab.scope.api",
            f"The token of {token.username} lacks the scope api.",
            cause=told["cause"],
            remedy=f"A token's scopes cannot be changed: make a new one with it for {_TOKENS}.",
            lines=("api",),
        )


def _end(notes: Notes, facts: GitLabFacts) -> None:
    if facts.token.expires is None:
        return
    left = (facts.token.expires - facts.today).days
    if left <= _SOON:
        notes.lacking(
            "gitlab.expiry",
            f"The token of {facts.token.username} expires on {facts.token.expires}.",
            cause="From that day on Qbot can do nothing in GitLab.",
            remedy=f"Rotate it, put the new one into {_TOKENS}, restart Qbot.",
        )


def _version(notes: Notes, needs: GitLabNeeds, version: str | Unread) -> None:
    if isinstance(version, Unread):
        notes.unread("gitlab.version", "The version of GitLab", version)
        return
    known = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    if needs.signed and known < _SIGNING:
        notes.broken(
            "gitlab.version",
            f"GitLab {version} cannot sign webhooks: that takes 19.0.",
            cause="QBOT_GITLAB__WEBHOOK_SECRET holds signing tokens (whsec_...) only.",
            remedy="Put a plain secret token there and into the webhooks.",
        )
    elif known < _RESENDING:
        notes.lacking(
            "gitlab.version",
            f"GitLab {version} cannot be asked which webhooks it could not deliver.",
            cause="That takes 17.3; what was lost is found by sweeps, later.",
            remedy="Upgrade GitLab.",
        )
    else:
        notes.well.append(f"GitLab: version {version}")


def _unseen(notes: Notes, needs: GitLabNeeds, facts: GitLabFacts) -> None:
    uses = list({use.project: use for use in needs.uses}.values())
    hidden = [use for use in uses if facts.projects.get(use.project) is None]
    if hidden:
        names = shortened([use.project for use in hidden])
        least = max(use.least for use in needs.uses if use.project in {h.project for h in hidden})
        notes.broken(
            "gitlab.projects",
            f"GitLab shows {facts.token.username} no project {names}.",
            cause="The account is no member there, or qbot.yaml names it wrong: GitLab answers the "
            "same to both.",
            remedy="Manage, Members, Invite, in the group that holds them:",
            lines=(f"{facts.token.username}: {least.words}",),
        )
    unread: dict[Unread, list[str]] = {}
    for use in uses:
        found = facts.projects.get(use.project)
        if isinstance(found, Unread):
            unread.setdefault(found, []).append(use.project)
        elif found is not None and found.archived:
            notes.broken(
                f"gitlab.project.{use.project}",
                f"The project {use.project} is archived.",
                remedy="Unarchive it, or take it out of qbot.yaml.",
            )
    for fact, projects in unread.items():
        notes.unread(f"gitlab.unread.{projects[0]}", f"Projects {shortened(projects)}", fact)


def _roles(notes: Notes, needs: GitLabNeeds, facts: GitLabFacts) -> None:
    if facts.token.admin:
        notes.well.append(f"GitLab: {facts.token.username} is an administrator")
        return
    low: dict[tuple[str, Level], list[str]] = {}
    for use in _strictest(needs.uses, facts):
        found = facts.projects.get(use.project)
        if isinstance(found, SeenProject) and found.level < use.least:
            low.setdefault((use.why, use.least), []).append(f"{use.project} ({found.level.words})")
    for (why, least), places in low.items():
        kind = why.replace(" ", "-")
        notes.broken(
            f"gitlab.role.{kind}",
            f"The role of {facts.token.username} is too low in {shortened(places)}.",
            cause=f"What it does there takes {least.words}: {why}.",
            remedy="Manage, Members, in the project or the group that holds it:",
            lines=(f"{facts.token.username}: {least.words}",),
        )
    if not low:
        notes.well.append(f"GitLab: role in {len(facts.projects)} projects")


def _strictest(uses: Iterable[Use], facts: GitLabFacts) -> Sequence[Use]:
    """Of several uses of a project the one that takes most, with what its branch asks for."""
    found: dict[str, Use] = {}
    for use in uses:
        seen, least = facts.projects.get(use.project), use.least
        merging = seen.merging.get(use.branch) if isinstance(seen, SeenProject) else None
        if isinstance(merging, Level):
            least = max(least, merging)
        known = found.get(use.project)
        if known is None or known.least < least:
            found[use.project] = Use(use.project, least, use.why, use.branch)
    return list(found.values())


def _groups(notes: Notes, needs: GitLabNeeds, facts: GitLabFacts) -> None:
    username = facts.token.username
    for group, role in needs.groups.items():
        found = facts.groups.get(group)
        if isinstance(found, Unread):
            notes.unread(f"gitlab.group.{group}", f"The group {group}", found)
        elif found is False:
            notes.broken(
                f"gitlab.group.{group}",
                f"GitLab shows {username} no group {group}, which roles.{role}.gitlab names.",
                cause="It does not exist, or is private and the account is no member.",
                remedy=f"Manage, Members, Invite, in {group}; any role will do:",
                lines=(f"{username}: {Level.GUEST.words}",),
            )
