"""The configuration project of the stand-in, and one promotion's worth of changes to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

from qbot.domain.names import ProjectPath
from qbot.domain.ports import Clock
from qbot.domain.repository_ports import FileEdit, MergeRequest
from qbot.gateways.clock import SystemClock
from qbot.gateways.gitlab import GitLabRepository, open_gitlab
from tests.sandbox.gitlab.served import Served

CONFIG = ProjectPath("shop/deployments")
CARTS = "production/cart.yaml"
_numbers = count(1)


@asynccontextmanager
async def repository_of(
    shop: Served, token: str = "", *, clock: Clock | None = None
) -> AsyncIterator[GitLabRepository]:
    gateway = open_gitlab(shop.url, token or shop.standin.token, clock=clock or SystemClock())
    try:
        yield GitLabRepository(gateway.client)
    finally:
        await gateway.close()


def new_branch() -> str:
    """A name that no other test of the module uses: the stand-in is shared."""
    return f"qbot/P-{next(_numbers)}"


def writes(shop: Served, method: str = "POST") -> int:
    """How many requests of a method there were so far."""
    return sum(call["method"] == method for call in shop.kernel.calls.select(vendor="gitlab"))


def fault(shop: Served, match: str, kind: str, times: int = 1) -> None:
    shop.do(lambda: shop.kernel.faults.add("gitlab", match, kind, times))


async def edited(
    repository: GitLabRepository, branch: str, *, path: str = CARTS, line: str = "# changed\n"
) -> tuple[str, str]:
    """Commit one more line to a file on a branch of Qbot's; the new head, and the base."""
    base = await repository.head(CONFIG, "main")
    assert base is not None
    found = (await repository.files(CONFIG, base, [path]))[path]
    assert found is not None
    edit = FileEdit(path, found.text + line, found.last_commit)
    message = f"Promote cart\n\nQbot-Promotion: {branch}"
    sha = await repository.commit(CONFIG, branch, start=base, message=message, edits=[edit])
    return sha, base


async def proposed(
    repository: GitLabRepository, branch: str, *, path: str = CARTS, line: str = "# changed\n"
) -> MergeRequest:
    await edited(repository, branch, path=path, line=line)
    return await repository.open_merge_request(
        CONFIG, source=branch, target="main", title=f"Promote {branch}", description="what"
    )


async def mergeable(repository: GitLabRepository, shop: Served, iid: int) -> MergeRequest:
    """Wait until GitLab has checked it and its pipeline has passed."""
    for _ in range(400):
        found = await repository.merge_request(CONFIG, iid)
        if found.status == "mergeable":
            return found
        shop.advance(0.5)
    raise AssertionError(iid)
