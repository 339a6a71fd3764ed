"""Moving a branch's commits onto another tip, as GitLab's rebase button does it."""

from datetime import datetime

import pygit2

from qbot.sandbox.gitlab import history
from qbot.sandbox.repos import Commit, Person, Repository


def rebase(
    repository: Repository, tip: str, onto: str, *, committer: Person, at: datetime
) -> str | None:
    """The new tip, on no branch yet; None where a commit does not apply.

    `tip` itself where it stands on `onto` already. Merge commits are left out, and so is a commit
    whose change `onto` has already.
    """
    if history.merge_base(repository, tip, onto) == onto:
        return tip
    new = onto
    commits = list(history.log(repository, [tip], without=onto, topological=True))
    for commit in reversed(commits):
        if len(commit.parents) > 1:
            continue
        tree = _applied(repository, commit, new)
        if tree is None:
            return None
        if tree != repository.commit(new).tree:
            new = repository.store(
                tree,
                [new],
                message=commit.message,
                author=commit.author,
                at=at,
                committer=committer,
            )
    return new


def _applied(repository: Repository, commit: Commit, onto: str) -> str | None:
    """The tree of `onto` with one commit's change; None where they conflict."""
    git = repository.git

    def tree(sha: str) -> pygit2.Tree:
        return git[sha].peel(pygit2.Tree)

    before = commit.parents[0] if commit.parents else None
    index = git.merge_trees(
        tree(before) if before else git.TreeBuilder().write(), tree(onto), tree(commit.sha)
    )
    return None if index.conflicts is not None else str(index.write_tree(git))
