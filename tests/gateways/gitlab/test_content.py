"""Files, commits and branches of a configuration project, against the stand-in."""

import asyncio

import pytest

from qbot.domain.names import ProjectPath
from qbot.domain.repository_ports import ConfigRepository, FileEdit, Moved
from qbot.errors import PermanentError, QbotError, TransientError, UserError
from qbot.gateways.gitlab import GitLabRepository
from tests.clocks import HandClock
from tests.gateways.gitlab.config import (
    CARTS,
    CONFIG,
    edited,
    fault,
    new_branch,
    repository_of,
    writes,
)
from tests.gateways.gitlab.replies import CART, answering, json_reply
from tests.sandbox.gitlab.served import Served, drive


def keeps_the_contract(made: GitLabRepository) -> ConfigRepository:
    return made  # mypy compares the signatures


async def test_files_come_as_they_are_with_the_commit_that_changed_them_last(
    repository: GitLabRepository, shop: Served
) -> None:
    found = await repository.files(CONFIG, "main", [CARTS, "staging/cart.yaml", "none.yaml"])
    assert found["none.yaml"] is None
    file, truth = found[CARTS], drive(shop, "file", project=CONFIG, ref="main", path=CARTS)
    assert file is not None
    assert file.text == truth["text"]
    other = found["staging/cart.yaml"]
    assert other is not None
    assert len(file.last_commit) == 40
    assert other.last_commit != file.last_commit


async def test_a_hundred_files_take_a_hundred_requests(
    repository: GitLabRepository, shop: Served
) -> None:
    before = writes(shop, "GET")
    found = await repository.files(CONFIG, "main", [f"none/{n}.yaml" for n in range(100)])
    assert set(found.values()) == {None}
    assert writes(shop, "GET") == before + 100


async def test_a_ref_that_is_not_there_is_no_missing_file(repository: GitLabRepository) -> None:
    with pytest.raises(PermanentError, match=r"README\.md of shop/deployments at gone"):
        await repository.files(CONFIG, "gone", ["README.md"])


@pytest.mark.parametrize("text", ["a: ü\r\nb: '€'\r\n", "\ufeffa: 1", "no newline", ""])
async def test_texts_go_through_unchanged(
    repository: GitLabRepository, shop: Served, text: str
) -> None:
    branch, base = new_branch(), shop.sha(CONFIG, "main")
    edit = FileEdit("README.md", text, "")
    sha = await repository.commit(CONFIG, branch, start=base, message="m", edits=[edit])
    found = (await repository.files(CONFIG, sha, ["README.md"]))["README.md"]
    assert found is not None
    assert found.text == text


async def test_what_is_no_utf_8_names_the_file(repository: GitLabRepository, shop: Served) -> None:
    git = shop.standin.repositories.get("shop/cart")
    assert git is not None
    at = shop.kernel.clock.now()
    author = git.commit(git.branches()["main"]).author
    sha = shop.do(
        lambda: git.store_changes(
            git.branches()["main"], {"latin.txt": "ü".encode("latin-1")},
            message="m", author=author, committer=author, at=at,
        )
    )  # fmt: skip
    with pytest.raises(UserError, match=r"latin\.txt"):
        await repository.files(CART, sha, ["latin.txt"])


async def test_one_commit_holds_all_edits_and_its_message(
    repository: GitLabRepository, shop: Served
) -> None:
    branch, base = new_branch(), shop.sha(CONFIG, "main")
    paths = [CARTS, "production/orders.yaml"]
    files = await repository.files(CONFIG, base, paths)
    edits = [FileEdit(p, f"# {p}\n", f.last_commit) for p, f in files.items() if f]
    message = "Promote two\n\nQbot-Promotion: P-1\nQbot-Digest: abc"
    sha = await repository.commit(CONFIG, branch, start=base, message=message, edits=edits)
    assert await repository.head(CONFIG, branch) == sha
    assert await repository.parents(CONFIG, sha) == (base,)
    assert (await repository.message_of(CONFIG, sha)).strip() == message
    compared = await repository.compare(CONFIG, base, sha)
    assert compared is not None
    assert set(compared.files) == set(paths)
    assert (compared.commits, compared.titles) == (1, ("Promote two",))
    assert compared.authors
    assert compared.url.startswith(shop.url)


async def test_qbots_own_branch_is_replaced_not_added_to(
    repository: GitLabRepository, shop: Served
) -> None:
    branch = new_branch()
    first, base = await edited(repository, branch, line="# one\n")
    second, _ = await edited(repository, branch, line="# two\n")
    assert first != second
    assert shop.sha(CONFIG, branch) == second
    assert await repository.parents(CONFIG, second) == (base,)


async def test_a_file_that_somebody_changed_is_not_overwritten(
    repository: GitLabRepository, shop: Served
) -> None:
    base, branch = shop.sha(CONFIG, "main"), new_branch()
    found = (await repository.files(CONFIG, base, [CARTS]))[CARTS]
    assert found is not None
    drive(shop, "push", project=CONFIG, branch="main", files={CARTS: found.text + "# by hand\n"})
    edit = FileEdit(CARTS, "mine", found.last_commit)
    with pytest.raises(Moved, match="changed since you started editing"):
        await repository.commit(
            CONFIG, branch, start=shop.sha(CONFIG, "main"), message="m", edits=[edit]
        )
    assert await repository.head(CONFIG, branch) is None


async def test_without_edits_the_branch_is_just_where_it_is_wanted(
    repository: GitLabRepository, shop: Served
) -> None:
    branch, here = new_branch(), shop.sha(CONFIG, "main")
    there = (await repository.parents(CONFIG, here))[0]
    for start in (here, here, there):
        found = await repository.commit(CONFIG, branch, start=start, message="", edits=())
        assert found == start == shop.sha(CONFIG, branch)


@pytest.mark.parametrize("call", ["DELETE", "POST"])
@pytest.mark.parametrize("kind", ["500", "drop-before", "drop-after"])
async def test_a_branch_in_doubt_is_where_it_is_wanted_after_the_next_go(
    repository: GitLabRepository, shop: Served, call: str, kind: str
) -> None:
    branch, here = new_branch(), shop.sha(CONFIG, "main")
    (there,) = await repository.parents(CONFIG, here)
    await repository.commit(CONFIG, branch, start=here, message="", edits=())
    fault(shop, f"{call} /api/v4/projects/shop%2Fdeployments/repository/branches", kind)
    with pytest.raises(TransientError):
        await repository.commit(CONFIG, branch, start=there, message="", edits=())
    assert await repository.commit(CONFIG, branch, start=there, message="", edits=()) == there
    assert shop.sha(CONFIG, branch) == there


async def test_a_branch_is_asked_whether_it_has_a_commit(
    repository: GitLabRepository, shop: Served
) -> None:
    branch = new_branch()
    mine, base = await edited(repository, branch)
    assert await repository.contains(CONFIG, branch, base)
    assert await repository.contains(CONFIG, branch, mine)
    assert not await repository.contains(CONFIG, "main", mine)
    assert not await repository.contains(CONFIG, "main", "f" * 40)
    with pytest.raises(PermanentError, match="refs/heads/gone"):
        await repository.contains(CONFIG, "gone", base)
    assert not await repository.contains(CONFIG, "main", shop.sha("shop/cart", "main"))


async def test_two_branches_tell_their_newest_common_commit(
    repository: GitLabRepository, shop: Served
) -> None:
    one, other = new_branch(), new_branch()
    _, base = await edited(repository, one, line="# one\n")
    await edited(repository, other, line="# other\n")
    assert await repository.merge_base(CONFIG, one, other) == base


async def test_unknown_commits_compare_to_nothing(
    repository: GitLabRepository, shop: Served
) -> None:
    here = shop.sha(CONFIG, "main")
    assert await repository.compare(CONFIG, "f" * 40, here) is None
    assert await repository.compare(CONFIG, here, "f" * 40) is None
    same = await repository.compare(CONFIG, here, here)
    assert same is not None
    assert (same.commits, same.files) == (0, ())
    with pytest.raises(PermanentError, match="no project"):
        await repository.compare(ProjectPath("shop/nothing"), here, here)


async def test_a_long_way_is_counted_whole_and_told_in_part() -> None:
    commits = [{"title": f"No {n}", "author_name": f"a{n % 30}"} for n in range(900)]
    diffs = [{"old_path": "a", "new_path": "b"}, {"old_path": "b", "new_path": "b"}]
    body = {"commits": commits, "diffs": diffs, "web_url": "https://x"}
    async with answering(json_reply(body)) as (_, gitlab):
        found = await GitLabRepository(gitlab.client).compare(CART, "a", "b")
    assert found is not None
    assert (found.commits, len(found.titles), len(found.authors)) == (900, 50, 20)
    assert found.titles[0] == "No 899"
    assert found.files == ("a", "b")


async def test_a_commit_refused_with_429_is_sent_again_and_made_once(shop: Served) -> None:
    fault(shop, "POST /api/v4/projects/shop%2Fdeployments/repository/commits", "429")
    branch, before, clock = new_branch(), writes(shop), HandClock()
    async with repository_of(shop, clock=clock) as repository:
        committing = asyncio.create_task(edited(repository, branch))
        await clock.asleep()
        clock.advance(1)
        _, base = await committing
        compared = await repository.compare(CONFIG, base, branch)
    assert compared is not None
    assert compared.commits == 1
    assert writes(shop) == before + 2


@pytest.mark.parametrize(
    ("kind", "made"),
    [("500", False), ("503", False), ("html", False), ("drop-before", False),
     ("drop-after", True), ("partial", True)],
)  # fmt: skip
async def test_a_commit_in_doubt_is_sent_once_and_can_be_found(
    repository: GitLabRepository, shop: Served, kind: str, made: bool
) -> None:
    fault(shop, "POST /api/v4/projects/shop%2Fdeployments/repository/commits", kind)
    branch, before = new_branch(), writes(shop)
    with pytest.raises(TransientError):
        await edited(repository, branch)
    assert writes(shop) == before + 1
    assert (await repository.head(CONFIG, branch) is not None) is made


@pytest.mark.parametrize("project_role", ["guest", "read-only"])
async def test_who_may_not_push_is_told_the_right(shop: Served, project_role: str) -> None:
    scopes = ("api",) if project_role == "guest" else ("read_api",)
    token = shop.do(lambda: shop.standin.issue_token("ana", *scopes))
    base, branch = shop.sha(CONFIG, "main"), "main" if project_role == "guest" else new_branch()
    async with repository_of(shop, token) as repository:
        with pytest.raises(PermanentError) as refused:
            await repository.commit(
                CONFIG, branch, start=base, message="m", edits=[FileEdit(CARTS, "x", "")]
            )
    wanted = "role Developer" if project_role == "guest" else "scope api"
    assert wanted in str(refused.value)
    assert shop.sha(CONFIG, "main") == base


async def test_a_project_gone_read_only_is_named(
    shop: Served, repository: GitLabRepository
) -> None:
    world = shop.standin.world
    project = world.project("shop/search")
    assert project is not None
    project.archived = True
    try:
        with pytest.raises(PermanentError, match="the project shop/search is archived"):
            await repository.commit(
                ProjectPath("shop/search"),
                new_branch(),
                start=shop.sha("shop/search", "main"),
                message="m",
                edits=[FileEdit("README.md", "x", "")],
            )
    finally:
        project.archived = False


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("500", TransientError), ("html", TransientError), ("partial", TransientError),
     ("drop-before", TransientError), ("401", PermanentError), ("404", PermanentError)],
)  # fmt: skip
async def test_a_file_that_cannot_be_read_is_never_an_absent_one(
    repository: GitLabRepository, shop: Served, kind: str, expected: type[QbotError]
) -> None:
    fault(shop, "production%2Fcart.yaml", kind)
    with pytest.raises(expected):
        await repository.files(CONFIG, "main", [CARTS])
    assert (await repository.files(CONFIG, "main", [CARTS]))[CARTS] is not None
