"""The life of merge requests: mergeability that takes a moment, merging, closing."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from datetime import timedelta
from typing import Any

from qbot.sandbox.gitlab import history
from qbot.sandbox.gitlab.happenings import Changes, Commented, MergeRequestAction
from qbot.sandbox.gitlab.model import (
    ZERO_SHA,
    MergeRequest,
    Note,
    Pipeline,
    Project,
    Push,
    Role,
    User,
)
from qbot.sandbox.gitlab.rebasing import rebase
from qbot.sandbox.gitlab.world import World
from qbot.sandbox.repos import Person

_PREPARING = timedelta(seconds=1)
_CHECKING = timedelta(seconds=1)
_REBASING = 1
_REBASE_FAILED = "Rebase failed: Rebase locally, resolve all conflicts, then push the branch."
_REMOVAL = 2  # seconds from a merge until its source branch is gone
TRANSIENT = frozenset({"preparing", "checking"})
STILL_RUNNING = "ci_still_running"


class MergeMachine:
    """Every change of a merge request goes through here."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._tasks: list[asyncio.Task[None]] = []
        self.on_head: list[Callable[[Project, MergeRequest, User], None]] = []

    def stop(self) -> None:
        """Leave undone what is under way: source branches about to go, rebases."""
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()

    def open(
        self,
        project: Project,
        author: User,
        source: str,
        target: str,
        title: str,
        *,
        forked: str = "",
        adjust: Callable[[MergeRequest], None] | None = None,
    ) -> MergeRequest:
        """A new one between two branches that exist; or from a fork, whose head is `forked`.

        `adjust` gives it what else it has from its beginning.
        """
        now, branches = self._world.now(), project.repository.branches()
        merge_request = MergeRequest(
            id=self._world.next_id(),
            iid=len(project.merge_requests) + 1,
            title=title,
            source_branch=source,
            target_branch=target,
            author=author,
            sha=forked or branches[source],
            fork=self._world.next_id() if forked else None,
            created_at=now,
            updated_at=now,
            checked_at=now + _PREPARING + _CHECKING,
        )
        if adjust is not None:
            adjust(merge_request)
        self._look(project, merge_request)
        project.merge_requests.append(merge_request)
        self._acted(project, merge_request, author, "open")
        self._new_head(project, merge_request, author)
        return merge_request

    def status(self, project: Project, merge_request: MergeRequest) -> str:
        """GitLab's `detailed_merge_status`."""
        before_ci = self._state(project, merge_request)
        if before_ci:
            return before_ci
        if self.conflicts(project, merge_request):
            return "conflict"
        return _ci_status(project, merge_request) or "mergeable"

    def obstacle(self, project: Project, merge_request: MergeRequest) -> str:
        """The status that forbids a merge, conflicts apart; empty where there is none."""
        return self._state(project, merge_request) or _ci_status(project, merge_request)

    def conflicts(self, project: Project, merge_request: MergeRequest) -> bool:
        """Whether git cannot merge it."""
        repository = project.repository
        target = repository.branches()[merge_request.target_branch]
        return history.merge_tree(repository, target, merge_request.sha) is None

    def diverged(self, project: Project, merge_request: MergeRequest) -> int:
        """How many commits the target has that the source lacks."""
        repository = project.repository
        target = repository.branches().get(merge_request.target_branch)
        return history.ahead_behind(repository, merge_request.sha, target)[1] if target else 0

    def _state(self, project: Project, merge_request: MergeRequest) -> str:
        now, branches = self._world.now(), project.repository.branches()
        if merge_request.state != "opened":
            return "not_open"
        if now < merge_request.created_at + _PREPARING:
            return "preparing"
        if now < merge_request.checked_at:
            return "checking"
        if is_draft(merge_request):
            return "draft_status"
        source = merge_request.fork or merge_request.source_branch in branches
        return "" if source and merge_request.target_branch in branches else "commits_status"

    def merge(
        self, project: Project, merge_request: MergeRequest, user: User, message: str = ""
    ) -> str | None:
        """Merge now, whatever its status; the new commit of the target, None on a conflict."""
        repository = project.repository
        target = repository.branches()[merge_request.target_branch]
        tree = history.merge_tree(repository, target, merge_request.sha)
        if tree is None:
            return None
        who, now = Person(user.name, user.email), self._world.now()
        source = merge_request.sha
        if merge_request.squash:
            inner = repository.commit(source)
            base = merge_request.base_sha
            source = repository.store(
                inner.tree, [base], message=merge_request.title, author=inner.author, at=now
            )
            merge_request.squash_commit_sha = source
        text = message or _merge_message(project, merge_request)
        sha = repository.store(tree, [target, source], message=text, author=who, at=now)
        merge_request.merge_commit_sha = sha
        self._end(project, merge_request, user)
        self._world.move(project, f"refs/heads/{merge_request.target_branch}", sha, user)
        if merge_request.remove_source and not merge_request.fork:
            self._spawn(self._remove(project, merge_request, user), "remove source branch")
        return sha

    def changed_paths(self, project: Project, merge_request: MergeRequest) -> list[str]:
        """The files that it would change."""
        found = history.diff(project.repository, merge_request.base_sha, merge_request.sha)
        return [changed.new_path for changed in found]

    def close(self, project: Project, merge_request: MergeRequest, user: User) -> None:
        """Close it unmerged."""
        now = self._world.now()
        merge_request.state, merge_request.closed_by, merge_request.closed_at = "closed", user, now
        merge_request.auto_merge_user = None
        self._changed(project, merge_request)
        self._acted(project, merge_request, user, "close")

    def reopen(self, project: Project, merge_request: MergeRequest, user: User) -> None:
        """Open a closed one again; its mergeability is looked at anew."""
        merge_request.state, merge_request.closed_by, merge_request.closed_at = "opened", None, None
        self._look(project, merge_request)
        self._changed(project, merge_request)
        self._acted(project, merge_request, user, "reopen")

    def reword(
        self, project: Project, merge_request: MergeRequest, user: User, changes: Changes
    ) -> None:
        """Tell of `changes` that its words or settings have had."""
        merge_request.updated_at = self._world.now()
        self._acted(project, merge_request, user, "update", changes=changes)

    def retarget(
        self, project: Project, merge_request: MergeRequest, target: str, user: User
    ) -> None:
        """Aim it at another branch; mergeability and pipelines start anew."""
        before = merge_request.target_branch
        if target == before:
            return
        merge_request.target_branch = target
        self._look(project, merge_request)
        self._changed(project, merge_request)
        changes = {"target_branch": {"previous": before, "current": target}}
        self._acted(project, merge_request, user, "update", changes=changes)
        self._new_head(project, merge_request, user)

    def rebase(self, project: Project, merge_request: MergeRequest, user: User) -> bool:
        """Start to move it onto its target's tip; False while that is under way already."""
        if merge_request.rebasing:
            return False
        merge_request.rebasing, merge_request.merge_error = True, None
        self._spawn(self._rebase(project, merge_request, user), "rebase")
        return True

    def comment(self, project: Project, merge_request: MergeRequest, user: User, body: str) -> Note:
        """Add a note."""
        now = self._world.now()
        note = Note(self._world.next_id(), body, user, now, now)
        merge_request.notes.append(note)
        self._changed(project, merge_request)
        self._world.touch(project)
        self._world.tell(Commented(project, merge_request, note))
        return note

    def edit(self, project: Project, merge_request: MergeRequest, note: Note, body: str) -> None:
        """Change a note."""
        note.body, note.updated_at = body, self._world.now()
        self._changed(project, merge_request)
        self._world.tell(Commented(project, merge_request, note, "update"))

    def pushed(self, push: Push) -> None:
        """A branch moved: heads, mergeability and states follow."""
        for merge_request in _open(push.project):
            if push.branch == merge_request.source_branch and not merge_request.fork:
                self._source_moved(push, merge_request)
            elif push.branch == merge_request.target_branch and push.after != ZERO_SHA:
                self._target_moved(push, merge_request)

    def pipeline_changed(self, project: Project, pipeline: Pipeline) -> None:
        """A pipeline that was waited for passed (merge now) or did not (stop waiting)."""
        for merge_request in _open(project):
            user = merge_request.auto_merge_user
            if (
                user is None
                or pipeline.active
                or head_pipeline(project, merge_request) is not pipeline
            ):
                continue
            merge_request.auto_merge_user = None
            if pipeline.status == "success" and self.merge(project, merge_request, user) is None:
                merge_request.merge_error = "Branch cannot be merged"

    def _source_moved(self, push: Push, merge_request: MergeRequest) -> None:
        if push.after == ZERO_SHA:
            self.close(push.project, merge_request, push.user)
            return
        merge_request.sha, merge_request.auto_merge_user = push.after, None
        self._look(push.project, merge_request)
        self._changed(push.project, merge_request)
        self._acted(push.project, merge_request, push.user, "update", oldrev=push.before)
        self._new_head(push.project, merge_request, push.user)

    def _target_moved(self, push: Push, merge_request: MergeRequest) -> None:
        repository = push.project.repository
        if history.is_strict_ancestor(repository, merge_request.sha, push.after) and (
            merge_request.sha != merge_request.base_sha
        ):
            self._end(push.project, merge_request, push.user)
        else:
            self._look(push.project, merge_request)
            self._changed(push.project, merge_request)

    def _look(self, project: Project, merge_request: MergeRequest) -> None:
        repository = project.repository
        target = repository.branches().get(merge_request.target_branch)
        if target is not None:
            base = history.merge_base(repository, target, merge_request.sha)
            merge_request.base_sha = base or target
        merge_request.checked_at = max(merge_request.checked_at, self._world.now() + _CHECKING)

    def _end(self, project: Project, merge_request: MergeRequest, user: User) -> None:
        now = self._world.now()
        merge_request.state, merge_request.merge_user, merge_request.merged_at = "merged", user, now
        self._changed(project, merge_request)
        self._acted(project, merge_request, user, "merge")

    def _acted(
        self,
        project: Project,
        merge_request: MergeRequest,
        user: User,
        action: str,
        *,
        oldrev: str = "",
        changes: Changes | None = None,
    ) -> None:
        self._world.touch(project)
        told = MergeRequestAction(project, merge_request, user, action, oldrev, changes or {})
        self._world.tell(told)

    def _changed(self, project: Project, merge_request: MergeRequest) -> None:
        merge_request.updated_at = self._world.now()
        self._world.kernel.feed.publish(
            "merge_request", project=project.path, iid=merge_request.iid, state=merge_request.state
        )

    def _new_head(self, project: Project, merge_request: MergeRequest, user: User) -> None:
        for listener in self.on_head:
            listener(project, merge_request, user)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._tasks = [task for task in self._tasks if not task.done()]
        self._tasks.append(self._world.kernel.spawn(work, name))

    async def _rebase(self, project: Project, merge_request: MergeRequest, user: User) -> None:
        await self._world.kernel.clock.work(_REBASING)
        merge_request.rebasing = False
        branches = project.repository.branches()
        source, target = merge_request.source_branch, merge_request.target_branch
        if source not in branches or target not in branches:
            return
        who, now = Person(user.name, user.email), self._world.now()
        sha = rebase(project.repository, branches[source], branches[target], committer=who, at=now)
        if sha is None:
            merge_request.merge_error = _REBASE_FAILED
            self._changed(project, merge_request)
        elif sha != branches[source]:
            self._world.move(project, f"refs/heads/{source}", sha, user)

    async def _remove(self, project: Project, merge_request: MergeRequest, user: User) -> None:
        await self._world.kernel.clock.work(_REMOVAL)
        if project.repository.branches().get(merge_request.source_branch) == merge_request.sha:
            self._world.move(project, f"refs/heads/{merge_request.source_branch}", None, user)


def merge_role(project: Project, branch: str) -> Role:
    """What one must be to merge into a branch."""
    if branch not in project.repository.branches():
        return Role.MAINTAINER
    rules = project.protection(branch)
    return rules.merge if rules else Role.DEVELOPER


def is_draft(merge_request: MergeRequest) -> bool:
    """Whether its title says so."""
    return merge_request.title.lower().startswith(("draft:", "[draft]", "(draft)"))


def pipelines_of(project: Project, merge_request: MergeRequest) -> Iterator[Pipeline]:
    """Its own pipelines and those of its source branch, newest first."""
    refs = (merge_request.source_branch, f"refs/merge-requests/{merge_request.iid}/head")
    return (p for p in reversed(project.pipelines) if p.ref in refs)


def head_pipeline(project: Project, merge_request: MergeRequest) -> Pipeline | None:
    """The newest pipeline of its newest commit."""
    own = (p for p in pipelines_of(project, merge_request) if p.sha == merge_request.sha)
    return next(own, None)


def _ci_status(project: Project, merge_request: MergeRequest) -> str:
    """What CI holds it back for; empty where it does not."""
    head = head_pipeline(project, merge_request)
    if not project.needs_pipeline or (head is not None and head.status == "success"):
        return ""
    return STILL_RUNNING if head is not None and head.active else "ci_must_pass"


def _open(project: Project) -> Iterator[MergeRequest]:
    return (m for m in list(project.merge_requests) if m.state == "opened")


def _merge_message(project: Project, merge_request: MergeRequest) -> str:
    first = f"Merge branch '{merge_request.source_branch}' into '{merge_request.target_branch}'"
    return (
        f"{first}\n\n{merge_request.title}\n\nSee merge request {project.path}!{merge_request.iid}"
    )
