"""How a project brings a merge request into its branch: merge commit, rebase, squash."""

from datetime import datetime

from qbot.sandbox.gitlab import history
from qbot.sandbox.gitlab.model import MergeRequest, Project, User
from qbot.sandbox.repos import Person

METHODS = ("merge", "rebase_merge", "ff")  # GitLab's `merge_method`
SQUASHING = ("default_off", "always", "never")  # of GitLab's `squash_option`


def squashes(project: Project, merge_request: MergeRequest) -> bool:
    """Whether its commits become one: what the project says comes first."""
    if project.squash_option == "default_off":
        return merge_request.squash
    return project.squash_option == "always"


def needs_rebase(project: Project, merge_request: MergeRequest) -> bool:
    """Whether its target moved on in a project that merges only what stands on the target's tip."""
    if project.merge_method == "merge":
        return False
    target = project.repository.branches()[merge_request.target_branch]
    return history.merge_base(project.repository, target, merge_request.sha) != target


def merged_tree(project: Project, merge_request: MergeRequest) -> str | None:
    """What the target branch would hold; None on a conflict."""
    target = project.repository.branches()[merge_request.target_branch]
    return history.merge_tree(project.repository, target, merge_request.sha)


def bring_in(
    project: Project, merge_request: MergeRequest, tree: str, user: User, message: str, at: datetime
) -> str:
    """Make the commits that the project's way asks for; the target's new tip, on no branch yet.

    A fast-forward makes no commit of its own, and leaves `merge_commit_sha` empty.
    """
    repository, source = project.repository, merge_request.sha
    if squashes(project, merge_request):
        inner = repository.commit(source)
        source = repository.store(
            inner.tree,
            [merge_request.base_sha],
            message=merge_request.squash_message or merge_request.title,
            author=inner.author,
            at=at,
        )
        merge_request.squash_commit_sha = source
    if project.merge_method == "ff":
        return source
    target = repository.branches()[merge_request.target_branch]
    sha = repository.store(
        tree,
        [target, source],
        message=message or _message(project, merge_request),
        author=Person(user.name, user.email),
        at=at,
    )
    merge_request.merge_commit_sha = sha
    return sha


def _message(project: Project, merge_request: MergeRequest) -> str:
    first = f"Merge branch '{merge_request.source_branch}' into '{merge_request.target_branch}'"
    return (
        f"{first}\n\n{merge_request.title}\n\nSee merge request {project.path}!{merge_request.iid}"
    )
