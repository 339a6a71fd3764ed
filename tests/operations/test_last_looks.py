"""Who comes next, and what GitLab itself says of each right before: pure."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from qbot.domain.branches import BranchFact, BranchFacts, MergeFact, MergeState
from qbot.domain.names import BranchName, EnvId, ProjectPath
from qbot.domain.reaper_rows import Stand
from qbot.domain.reaping import Cause, Goes, Kept
from qbot.domain.repository_ports import MergeRequest
from qbot.domain.services import Commit
from qbot.operations.last_in_line import Line
from qbot.operations.second_look import doubt
from tests.clocks import START
from tests.render.samples import environment

HOUR = timedelta(hours=1)
CART, X, MAIN = ProjectPath("shop/cart"), BranchName("feat/x"), BranchName("main")
SHA, URL = "a" * 40, "https://gitlab.test/shop/cart/-/merge_requests/7"
THERE = BranchFact(CART, X, SHA, START)
GONE = replace(THERE, gone_at=START, gone_again_at=START + HOUR)
MERGED = MergeFact(CART, X, 7, MergeState.MERGED, START, MAIN, SHA, URL, START)


def goes(env: str, cause: Cause = Cause.IDLE) -> Goes:
    return Goes(EnvId(env), cause, START, START, "reaper", warned_at=START)


def tried(line: Line, names: str, many: int, fails: str = "") -> str:
    """Who was tried in a tick, in order."""
    free = [(goes(name), False) for name in names]
    found = ""
    for one, _ in line.next(free, many):
        found += one.env
        line.tried(one.env, gone=one.env not in fails)
    return found


def test_who_failed_comes_last_and_of_them_the_one_that_waits_longest_first() -> None:
    line = Line()
    assert tried(line, "abcd", 1, fails="ab") == "abc"
    assert tried(line, "bad", 1, fails="d") == "da"
    assert tried(line, "dba", 1, fails="ab") == "abd"
    assert tried(line, "bax", 2) == "xa"


def test_no_more_than_thrice_as_many_as_may_go_are_tried() -> None:
    line = Line()
    assert tried(line, "abcdefgh", 2, fails="abcdefgh") == "abcdef"
    assert tried(line, "abcdefgh", 2, fails="abcdefgh") == "ghabcd"


def test_who_is_not_there_any_more_is_forgotten() -> None:
    line = Line()
    tried(line, "ab", 1, fails="ab")
    tried(line, "b", 1, fails="b")
    assert tried(line, "ab", 1) == "a"


class GitLab:
    """One project, one branch, one merge request."""

    def __init__(self) -> None:
        self.head: Commit | None = None
        self.there = True
        self.request = MergeRequest(7, URL, "merged", SHA, "", X, MAIN)

    async def heads(
        self, projects: Collection[ProjectPath], branch: BranchName
    ) -> Mapping[ProjectPath, Commit | None]:
        assert (list(projects), branch) == ([CART], X)
        return {CART: self.head}

    async def project(self, path: ProjectPath) -> object | None:
        assert path == CART
        return object() if self.there else None

    async def merge_request(self, project: ProjectPath, iid: int) -> MergeRequest:
        assert (project, iid) == (CART, 7)
        return self.request

    async def has_open_merge_request(self, project: ProjectPath, branch: BranchName) -> bool:
        return False


def stand(fact: BranchFact, *merges: MergeFact) -> Stand:
    env = replace(environment(), created_at=START - HOUR)
    facts = BranchFacts((fact,), merges)
    return Stand(env, START, facts, Kept(), None, False, False, False, False)


async def test_a_branch_is_gone_only_where_gitlab_shows_its_project() -> None:
    gitlab = GitLab()
    assert not await doubt(gitlab, stand(GONE), goes("a", Cause.GONE))
    gitlab.there = False
    said = await doubt(gitlab, stand(GONE), goes("a", Cause.GONE))
    assert said == "GitLab does not show shop/cart"


@pytest.mark.parametrize(
    "other",
    [
        MergeRequest(7, URL, "merged", "b" * 40, "", X, MAIN),
        MergeRequest(7, URL, "merged", SHA, "", BranchName("feat/y"), MAIN),
        MergeRequest(7, URL, "closed", SHA, "", X, MAIN),
    ],
)
async def test_a_merge_request_proves_it_only_as_it_was_read(other: MergeRequest) -> None:
    gitlab = GitLab()
    gitlab.head = Commit(SHA)
    merged = goes("a", Cause.MERGED)
    assert not await doubt(gitlab, stand(THERE, MERGED), merged)
    gitlab.request = other
    said = await doubt(gitlab, stand(THERE, MERGED), merged)
    assert said.startswith("merge request !7 of shop/cart is")
    assert not await doubt(gitlab, stand(THERE, MERGED), goes("a"))  # unused all the same
