from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qbot.sandbox.clock import SandboxClock
from qbot.sandbox.kernel import Kernel
from qbot.sandbox.packed import pack
from qbot.sandbox.repo_folder import Repositories
from qbot.sandbox.repos import Person, Repository, valid_branch

ANA = Person("Ana Ruiz", "ana@shop.example")
AT = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
def repositories() -> Iterator[Repositories]:
    made = Repositories(Kernel(clock=SandboxClock(), url="http://127.0.0.1:4000"))
    yield made
    made.clear()


@pytest.fixture
def cart(repositories: Repositories) -> Repository:
    cart = repositories.create("shop/cart")
    files: dict[str, str | bytes | None]
    files = {"README.md": "# cart\n", "chart/values.yaml": "a: 1\n", "logo.png": b"\x89PNG\x00\x01"}
    cart.write("main", files, message="Start\n\nWith a body", author=ANA, at=AT)
    return cart


def write(repository: Repository, branch: str, **files: str) -> str:
    return repository.write(branch, files, message=f"Change {branch}", author=ANA, at=AT)


def test_a_commit_tells_who_wrote_what_and_when(cart: Repository) -> None:
    commit = cart.commit(cart.branches()["main"])
    assert (commit.author, commit.authored_at, commit.parents) == (ANA, AT, ())
    assert commit.title == "Start"


def test_every_spelling_of_a_revision_is_resolved(cart: Repository) -> None:
    sha = cart.branches()["main"]
    cart.set_tag("v1.0.0", sha)
    for revision in (sha, sha[:7], sha[:12], "main", "refs/heads/main", "HEAD", "v1.0.0"):
        assert cart.resolve(revision) == sha


@pytest.mark.parametrize(
    "revision",
    ["", "nope", "refs/heads/nope", "abc", "0" * 40, "a b", "..", "^", "main\0x", "\ud800"],
)
def test_what_is_not_there_resolves_to_nothing(cart: Repository, revision: str) -> None:
    assert cart.resolve(revision) is None


def test_the_id_of_a_tree_is_not_a_revision(cart: Repository) -> None:
    assert cart.resolve(cart.commit(cart.branches()["main"]).tree) is None


def test_text_files_are_read_by_folder_and_by_path(cart: Repository) -> None:
    sha = cart.branches()["main"]
    assert cart.files(sha, "chart") == {"values.yaml": "a: 1\n"}
    assert cart.files(sha) == {"README.md": "# cart\n", "chart/values.yaml": "a: 1\n"}
    assert cart.files(sha, "nowhere") == cart.files(sha, "README.md") == {}
    assert cart.read(sha, "chart/values.yaml") == "a: 1\n"
    assert cart.read(sha, "README.md\0") is cart.read(sha, "chart\0/values.yaml") is None
    assert cart.read(sha, "chart") is cart.read(sha, "nope") is cart.read(sha, "") is None


def test_writing_changes_and_removes_files_and_keeps_the_rest(cart: Repository) -> None:
    old = cart.branches()["main"]
    new = cart.write("main", {"a.txt": "x", "logo.png": None}, message="m", author=ANA, at=AT)
    assert cart.commit(new).parents == (old,)
    assert cart.files(new) == {**cart.files(old), "a.txt": "x"}
    assert cart.file(new, "logo.png") is None


def test_branches_with_awkward_names_live_side_by_side(cart: Repository) -> None:
    sha = cart.branches()["main"]
    names = ["feat/x", "feat-x", "FEAT/X", "fix/a b".replace(" ", "#"), "ünï/çode", "a+b"]
    for name in names:
        cart.set_branch(name, sha)
    assert set(cart.branches()) == {"main", *names}


def test_a_branch_below_another_branch_is_refused(cart: Repository) -> None:
    with pytest.raises(ValueError, match="main"):
        cart.set_branch("main/below", cart.branches()["main"])


def test_the_commits_of_a_deleted_branch_stay_readable(cart: Repository) -> None:
    cart.set_branch("feat/x", cart.branches()["main"])
    sha = write(cart, "feat/x", new="text")
    cart.delete_branch("feat/x")
    assert cart.resolve("feat/x") is None
    assert cart.read(sha, "new") == "text"


def test_a_repository_is_found_by_its_clone_url_only(
    repositories: Repositories, cart: Repository
) -> None:
    root = "http://127.0.0.1:4000/gitlab/shop/cart"
    assert repositories.find(f"{root}.git") is repositories.find(root) is cart
    for url in (f"{root}s.git", "shop/cart", "http://elsewhere/gitlab/shop/cart.git"):
        assert repositories.find(url) is None


def test_clearing_leaves_nothing_on_the_disk(repositories: Repositories, cart: Repository) -> None:
    folder = Path(cart.git.path)
    assert folder.is_dir()
    repositories.clear()
    assert not folder.exists()
    assert list(repositories) == []


def test_a_restored_repository_has_it_all_and_goes_a_way_of_its_own(
    repositories: Repositories, cart: Repository
) -> None:
    cart.set_tag("v1.0.0", write(cart, "feat/x", new="text"))
    cart.git.set_head("refs/heads/feat/x")
    packed = pack(cart.git)
    twin, other = (repositories.restore(path, packed) for path in ("shop/twin", "shop/other"))
    for found in (twin, other):
        assert (found.branches(), found.tags()) == (cart.branches(), cart.tags())
        assert found.resolve("HEAD") == cart.resolve("feat/x")
        assert found.files(found.branches()["feat/x"]) == cart.files(cart.branches()["feat/x"])
    head = write(twin, "feat/x", new="other text")
    twin.delete_branch("main")
    assert twin.branches() == {"feat/x": head}
    assert (other.branches(), other.resolve(head)) == (cart.branches(), None)


@given(st.text(st.characters(), max_size=12))
@example("main\0?")
@example("\ud800")
def test_a_valid_branch_name_never_has_what_git_forbids(name: str) -> None:
    if valid_branch(name):
        assert not set(name) & set(" ~^:?*[\\")
        assert ".." not in name
        assert not name.endswith((".", "/", ".lock"))
