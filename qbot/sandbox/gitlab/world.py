"""The records of this GitLab and how to find them; who may see and do what."""

import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import count

from qbot.sandbox.gitlab import history
from qbot.sandbox.gitlab.happenings import Happening
from qbot.sandbox.gitlab.model import ZERO_SHA, Group, Project, Push, Role, Token, User
from qbot.sandbox.kernel import Kernel
from qbot.sandbox.repo_folder import Repositories
from qbot.sandbox.repos import Person, Repository

ACTIVITY_GRAIN = timedelta(hours=1)  # last_activity_at is not written more often than this


class World:
    """Users, groups, projects and tokens. Ids are never used twice."""

    def __init__(self, kernel: Kernel, repositories: Repositories, external_url: str) -> None:
        self.kernel = kernel
        self.repositories = repositories
        self._external_url = external_url
        self._ids = count(101)
        self.users: dict[int, User] = {}
        self.groups: dict[int, Group] = {}
        self.projects: dict[int, Project] = {}
        self.tokens: list[Token] = []
        self.on_push: list[Callable[[Push], None]] = []
        self.on_pushes: list[Callable[[Sequence[Push]], None]] = []  # what came in one `git push`
        self.on_happening: list[Callable[[Happening], None]] = []

    @property
    def url(self) -> str:
        """The root of this GitLab in every link it gives out."""
        return self._external_url or f"{self.kernel.url}/gitlab"

    def now(self) -> datetime:
        """The stand-ins' time."""
        return self.kernel.clock.now()

    def clear(self) -> None:
        """Forget every record; ids go on counting."""
        for records in (self.users, self.groups, self.projects, self.tokens):
            records.clear()

    def next_id(self) -> int:
        """An id for any new record."""
        return next(self._ids)

    def add_user(self, username: str, person: Person, *, admin: bool = False, bot: bool = False,
                 public: bool = False) -> User:  # fmt: skip
        """Make an account."""
        user = User(self.next_id(), username, person.name, person.email, self.now())
        user.admin, user.bot = admin, bot
        user.public_email = person.email if public else ""
        self.users[user.id] = user
        return user

    def add_group(self, path: str, name: str) -> Group:
        """Make a group; its parent exists already."""
        parent = self.group(path.rpartition("/")[0])
        group = Group(self.next_id(), path, name, self.now(), parent)
        self.groups[group.id] = group
        return group

    def add_project(self, repository: Repository) -> Project:
        """Make the project of a repository that has commits; its group exists already.

        Raises:
            KeyError: the group does not exist.
        """
        group = self.group(repository.path.rpartition("/")[0])
        if group is None:
            raise KeyError(repository.path)
        commits = list(history.log(repository, list(repository.branches().values())))
        first, last = commits[-1].committed_at, commits[0].committed_at
        project = Project(self.next_id(), repository.path, group, repository, first, last)
        self.projects[project.id] = project
        return project

    def add_token(self, secret: str, user: User, scopes: tuple[str, ...]) -> Token:
        """Issue a token."""
        token = Token(self.next_id(), secret, user, scopes, self.now())
        self.tokens.append(token)
        return token

    def user(self, username: str) -> User | None:
        """An account by its name; case does not count."""
        return next((u for u in self.users.values() if u.username == username.lower()), None)

    def group(self, wanted: str) -> Group | None:
        """A group by number or full path."""
        return next((g for g in self.groups.values() if wanted in (str(g.id), g.path)), None)

    def project(self, wanted: str) -> Project | None:
        """A project by number or full path."""
        return next((p for p in self.projects.values() if wanted in (str(p.id), p.path)), None)

    def token(self, secret: str) -> Token | None:
        """A token by its secret."""
        found = (t for t in self.tokens if hmac.compare_digest(t.secret.encode(), secret.encode()))
        return next(found, None)

    def role(self, user: User, place: Project | Group) -> Role:
        """What somebody is in a project or group, by membership or inheritance."""
        if user.admin:
            return Role.OWNER
        return max(
            (level for who, level in self.memberships(place) if who is user), default=Role.NONE
        )

    def memberships(self, place: Project | Group) -> Iterator[tuple[User, Role]]:
        """Everybody's levels in a place and above it; one person may come more than once."""
        group: Group | None = place.group if isinstance(place, Project) else place
        if isinstance(place, Project):
            yield from self._levels(place.members)
            for path, most in place.shared.items():
                invited = self.group(path)
                yield from self._levels(invited.members if invited else {}, most)
        while group is not None:
            yield from self._levels(group.members)
            group = group.parent

    def _levels(
        self, members: dict[int, Role], most: Role = Role.OWNER
    ) -> Iterator[tuple[User, Role]]:
        for user_id, level in members.items():
            yield self.users[user_id], min(level, most)

    def move(self, project: Project, ref: str, after: str | None, user: User) -> None:
        """Point a branch or tag (full ref) somewhere, or delete it, as a push does.

        Raises:
            ValueError: git refuses the name.
        """
        self.move_all(project, {ref: after}, user)

    def move_all(self, project: Project, refs: Mapping[str, str | None], user: User) -> None:
        """The same for several branches in one push.

        Raises:
            ValueError: git refuses a name; those before it have moved, and nobody was told.
        """
        pushes = [self._point(project, ref, after, user) for ref, after in refs.items()]
        self.touch(project)
        for heard in self.on_pushes:
            heard(pushes)
        for push in pushes:
            for listener in self.on_push:
                listener(push)
            self.kernel.feed.publish("gitlab", project=project.path, ref=push.ref, sha=push.after)

    def _point(self, project: Project, ref: str, after: str | None, user: User) -> Push:
        kind, _, name = ref.removeprefix("refs/").partition("/")
        repository = project.repository
        heads = kind == "heads"
        before = (repository.branches() if heads else repository.tags()).get(name, ZERO_SHA)
        if after is not None:
            (repository.set_branch if heads else repository.set_tag)(name, after)
        else:
            (repository.delete_branch if heads else repository.delete_tag)(name)
        return Push(project, ref, before, after or ZERO_SHA, user)

    def tell(self, happening: Happening) -> None:
        """Something other than a push happened in a project."""
        for listener in self.on_happening:
            listener(happening)

    def touch(self, project: Project) -> None:
        """Something happened; the project's time of activity moves at most once per hour."""
        if self.now() - project.last_activity_at >= ACTIVITY_GRAIN:
            project.last_activity_at = self.now()
