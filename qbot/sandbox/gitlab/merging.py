"""The life of merge requests: mergeability that takes a moment, merging, closing."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from datetime import timedelta
from typing import Any

from qbot.sandbox.gitlab import history
from qbot.sandbox.gitlab.happenings import Changes, Commented, MergeRequestAction
from qbot.sandbox.gitlab.merge_methods import bring_in, merged_tree, needs_rebase
from qbot.sandbox.gitlab.merge_rules import ci_status, head_pipeline, is_draft, people_status
from qbot.sandbox.gitlab.model import (
    ZERO_SHA,
    MergeRequest,
    Note,
    Pipeline,
    Project,
    Push,
    User,
)
from qbot.sandbox.gitlab.rebasing import rebase
from qbot.sandbox.gitlab.world import World
from qbot.sandbox.repos import Person

_PREPARING = timedelta(seconds=1)
_CHECKING = timedelta(seconds=1)
_REBASING = 1
_REBASE_FAILED = "Rebase failed: Rebase locally, resolve all conflicts, then push the branch."
_MERGING = 300  # seconds of a slow one
_NOT_MERGED = "Branch cannot be merged"
_REMOVAL = 2  # seconds from a merge until its source branch is gone
TRANSIENT = frozenset({"preparing", "checking"})


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
        in_git = self.misfit(project, merge_request)
        return in_git or ci_status(project, merge_request) or "mergeable"

    def obstacle(self, project: Project, merge_request: MergeRequest) -> str:
        """The status that forbids a merge, git's own apart; empty where there is none."""
        return self._state(project, merge_request) or ci_status(project, merge_request)

    def misfit(self, project: Project, merge_request: MergeRequest) -> str:
        """The status that says why git cannot bring it in; empty where it can."""
        if merged_tree(project, merge_request) is None:
            return "conflict"
        return "need_rebase" if needs_rebase(project, merge_request) else ""

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
        if not source or merge_request.target_branch not in branches:
            return "commits_status"
        return people_status(project, merge_request)

    def merge(
        self, project: Project, merge_request: MergeRequest, user: User, message: str = ""
    ) -> str | None:
        """Merge now, whatever its status; the target's new tip, None where git cannot."""
        tree = merged_tree(project, merge_request)
        if tree is None or needs_rebase(project, merge_request):
            return None
        sha = bring_in(project, merge_request, tree, user, message, self._world.now())
        self._end(project, merge_request, user)
        self._world.move(project, f"refs/heads/{merge_request.target_branch}", sha, user)
        if merge_request.remove_source and not merge_request.fork:
            self._spawn(self._remove(project, merge_request, user), "remove source branch")
        return sha

    def merge_slowly(self, project: Project, merge_request: MergeRequest, user: User) -> None:
        """Merge it as git does with a large repository: it is `locked` meanwhile."""
        merge_request.state = "locked"
        self._changed(project, merge_request)
        self._spawn(self._merge_slowly(project, merge_request, user), "merge")

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
                merge_request.merge_error = _NOT_MERGED

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

    async def _merge_slowly(
        self, project: Project, merge_request: MergeRequest, user: User
    ) -> None:
        await self._world.kernel.clock.work(_MERGING)
        if self.merge(project, merge_request, user) is None:
            merge_request.state, merge_request.merge_error = "opened", _NOT_MERGED

    async def _remove(self, project: Project, merge_request: MergeRequest, user: User) -> None:
        await self._world.kernel.clock.work(_REMOVAL)
        if project.repository.branches().get(merge_request.source_branch) == merge_request.sha:
            self._world.move(project, f"refs/heads/{merge_request.source_branch}", None, user)


def _open(project: Project) -> Iterator[MergeRequest]:
    return (m for m in list(project.merge_requests) if m.state == "opened")
