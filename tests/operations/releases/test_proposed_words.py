"""What GitLab is told of a promotion: nothing that it would carry out, and only its own words."""

from collections.abc import AsyncIterator

import pytest
from typing_extensions import override

from qbot.domain.names import ProjectPath
from qbot.domain.repository_ports import Comparison, MergeRequest
from tests.operations.releases.planning_scene import PRODUCTION
from tests.operations.releases.proposals import ProposedScene, WritableRepository

HOSTILE = "x`|[here](https://evil.example) /merge @all"
CART = "production/cart.yaml"


class Listening(WritableRepository):
    """Keeps what a merge request says; `modes` are the files that a commit made executable."""

    description = ""
    modes: tuple[str, ...] = ()

    @override
    async def open_merge_request(self, project: ProjectPath, **facts: str) -> MergeRequest:
        self.description = facts["description"]
        return await super().open_merge_request(project, **facts)

    @override
    async def compare(self, project: ProjectPath, old: str, new: str) -> Comparison | None:
        found = await super().compare(project, old, new)
        if found is None or not self.modes:
            return found
        facts = (found.commits, found.authors, found.titles, found.files, found.url)
        return Comparison(*facts, modes=self.modes)


@pytest.fixture
async def shop() -> AsyncIterator[tuple[ProposedScene, Listening]]:
    made = ProposedScene()
    gitlab = Listening(made.repository)
    made.repository = made.config = gitlab
    yield made, gitlab
    await made.close()


async def test_an_old_version_says_nothing_but_itself_in_a_merge_request(
    shop: tuple[ProposedScene, Listening],
) -> None:
    scene, gitlab = shop
    new = scene.ahead("cart")
    scene.declare(PRODUCTION, "cart", HOSTILE)
    await scene.propose()
    row = next(r for r in gitlab.description.splitlines() if r.startswith("| cart |"))
    quoted = HOSTILE.replace("`", "'").replace("|", "\\|")
    assert row.startswith(f"| cart | `{quoted}` | `{new}` |")
    title, blank, change, *_ = gitlab.messages[scene.head].splitlines()
    assert (title, blank) == ("P-7: Promote cart to production", "")
    assert change == f"cart: {HOSTILE} -> {new}"
    assert not [r for r in gitlab.description.splitlines() if r.startswith("/")]


@pytest.mark.parametrize("modes", [(), (CART,)])
async def test_a_commit_that_makes_a_file_executable_is_not_the_one_that_was_proposed(
    shop: tuple[ProposedScene, Listening], modes: tuple[str, ...]
) -> None:
    """As somebody pushes it: with Qbot's own words and the same text of the file."""
    scene, gitlab = shop
    scene.ahead("cart")
    await scene.propose()
    texts = gitlab.commits[scene.head].files
    words, tip = gitlab.messages[scene.head], gitlab.commits[scene.head].parents[0]
    gitlab.fork(ProjectPath("shop/deployments"), scene.branch, tip)
    gitlab.messages[scene.push(scene.branch, {CART: texts[CART]})] = words
    gitlab.modes = modes
    await scene.look()
    voided = [r for r in scene.audited() if r["action"] == "promotion.voided"]
    assert len(voided) == len(modes)
