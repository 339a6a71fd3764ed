"""Against the stand-in: what the gateway says about a GitLab that behaves."""

import httpx
import pytest

from qbot.domain.names import ProjectPath, branch_name
from qbot.domain.services import Build, Commit, Source
from qbot.errors import PermanentError, QbotError, TransientError
from qbot.gateways.clock import SystemClock
from qbot.gateways.gitlab import GitLabGateway, open_gitlab
from tests.gateways.gitlab.replies import CART, service
from tests.plain import NO_TLS
from tests.sandbox.gitlab.served import Served

PAYMENTS = ProjectPath("shop/payments")
CHECKOUT = branch_name("feat/checkout")


def requests(shop: Served) -> int:
    return len(shop.kernel.calls.select(vendor="gitlab"))


async def drive(shop: Served, call: str, **body: str) -> dict[str, str]:
    async with httpx.AsyncClient(base_url=shop.kernel.url, verify=NO_TLS) as http:
        reply = await http.post(f"/drive/{call}", json=body)
        answer: dict[str, str] = reply.raise_for_status().json()
        return answer


async def test_each_project_tells_the_tip_of_the_branch_or_that_it_has_none(
    gitlab: GitLabGateway, shop: Served
) -> None:
    before = requests(shop)
    heads = await gitlab.heads([CART, PAYMENTS], CHECKOUT)
    commit = heads[CART]
    assert commit is not None
    assert commit.sha == shop.sha("shop/cart", "feat/checkout")
    assert commit.title
    assert commit.author
    assert heads[PAYMENTS] is None  # it has feat-checkout, another branch
    assert requests(shop) == before + 2


@pytest.mark.parametrize("name", ["a#b", "a+b", "ünï/çode", "per%cent", "q&r=1", "FEAT/X"])
async def test_branches_with_awkward_names_are_found(
    gitlab: GitLabGateway, shop: Served, name: str
) -> None:
    pushed = await drive(shop, "push", project="shop/cart", branch=name)
    heads = await gitlab.heads([CART], branch_name(name))
    commit = heads[CART]
    assert commit is not None
    assert commit.sha == pushed["sha"]
    assert (await gitlab.heads([CART], branch_name(f"{name}2")))[CART] is None


async def test_a_branch_of_a_project_that_is_not_there_is_no_absent_branch(
    gitlab: GitLabGateway,
) -> None:
    with pytest.raises(PermanentError, match=r"shop/nothing.*QBOT_GITLAB__TOKEN"):
        await gitlab.heads([CART, ProjectPath("shop/nothing")], CHECKOUT)


async def test_a_project_hidden_from_the_token_is_no_absent_branch(
    shop: Served,
) -> None:
    outsider = shop.do(lambda: shop.standin.issue_token("ben", "read_api"))
    hidden = open_gitlab(shop.url, outsider, clock=SystemClock())
    shop.do(lambda: shop.standin.set_member("shop", "ben", present=False))
    try:
        with pytest.raises(PermanentError, match="may not see it"):
            await hidden.heads([CART], CHECKOUT)
    finally:
        shop.do(lambda: shop.standin.set_member("shop", "ben", present=True))
        await hidden.close()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("500", TransientError),
        ("503", TransientError),
        ("html", TransientError),
        ("401", PermanentError),
        ("403", PermanentError),
        ("404", PermanentError),
        ("drop-before", TransientError),
        ("drop-after", TransientError),
        ("partial", TransientError),
    ],
)
async def test_a_fault_is_told_and_the_next_question_is_answered(
    gitlab: GitLabGateway, shop: Served, kind: str, expected: type[QbotError]
) -> None:
    shop.do(lambda: shop.kernel.faults.add("gitlab", "feat%2Fcheckout", kind, 1))
    with pytest.raises(expected):
        await gitlab.heads([CART], CHECKOUT)
    assert (await gitlab.heads([CART], CHECKOUT))[CART] is not None


@pytest.mark.parametrize("kind", ["duplicate", "slow:0.01"])
async def test_what_only_takes_longer_is_answered(
    gitlab: GitLabGateway, shop: Served, kind: str
) -> None:
    shop.do(lambda: shop.kernel.faults.add("gitlab", "feat%2Fcheckout", kind, 1))
    assert (await gitlab.heads([CART], CHECKOUT))[CART] is not None


async def test_a_default_branch_stands_for_its_newest_green_commit(
    gitlab: GitLabGateway, shop: Served
) -> None:
    green = shop.sha("shop/orders", "main")
    await drive(shop, "pipeline", project="shop/orders", ref="main", status="failed")
    red = (await drive(shop, "push", project="shop/orders", branch="main"))["sha"]
    plan = (await gitlab.defaults([service("orders")]))[service("orders").name]
    assert (plan.sha, plan.source, plan.ref) == (green, Source.DEFAULT, "main")
    assert plan.build is Build.PASSED
    assert "/-/pipelines/" in plan.build_url
    assert red != green


async def test_a_project_without_ci_stands_at_the_tip_of_its_default_branch(
    gitlab: GitLabGateway, shop: Served
) -> None:
    environments = service("environments", "shop/environments")
    plan = (await gitlab.defaults([environments]))[environments.name]
    assert plan.sha == shop.sha("shop/environments", "main")
    assert (plan.build, plan.build_url) == (Build.NONE, "")


async def test_a_default_branch_that_is_not_there_is_the_catalogs_fault(
    gitlab: GitLabGateway,
) -> None:
    with pytest.raises(PermanentError, match=r"no branch trunk.*qbot\.yaml"):
        await gitlab.defaults([service("cart", branch="trunk")])


async def test_builds_run_pass_and_fail(gitlab: GitLabGateway, shop: Served) -> None:
    await drive(shop, "pipeline", project="shop/cart", ref="feat/new", status="running")
    running = (await drive(shop, "push", project="shop/cart", branch="feat/new"))["sha"]
    passed = shop.sha("shop/cart", "main")
    before = requests(shop)
    builds = await gitlab.builds([(CART, running), (CART, passed), (CART, "0" * 40)])
    assert builds[CART, running][0] is Build.RUNNING
    assert builds[CART, running][1].startswith(shop.kernel.url)
    assert builds[CART, passed][0] is Build.PASSED
    assert builds[CART, "0" * 40] == (Build.NONE, "")
    assert requests(shop) == before + 3


@pytest.mark.parametrize("ref", ["main", "feat/checkout", "v1.0.0"])
async def test_a_ref_resolves_to_its_commit(gitlab: GitLabGateway, ref: str) -> None:
    found = await gitlab.resolve(CART, ref)
    assert found is not None
    assert await gitlab.resolve(CART, found.sha) == found
    assert await gitlab.resolve(CART, found.sha[:8]) == found


async def test_an_unknown_ref_resolves_to_nothing(gitlab: GitLabGateway) -> None:
    assert await gitlab.resolve(CART, "feat/nothing") is None
    with pytest.raises(PermanentError):
        await gitlab.resolve(ProjectPath("shop/nothing"), "main")


async def test_a_resolved_commit_tells_title_and_author(
    gitlab: GitLabGateway, shop: Served
) -> None:
    found = await gitlab.resolve(CART, "feat/checkout")
    assert isinstance(found, Commit)
    assert found == (await gitlab.heads([CART], CHECKOUT))[CART]


async def test_branch_names_are_searched_as_plain_text_and_told_once(
    gitlab: GitLabGateway,
) -> None:
    projects = [CART, PAYMENTS, ProjectPath("shop/catalog")]
    found = await gitlab.branch_names(projects, "CHECKOUT")
    assert set(found) == {"feat/checkout", "feat-checkout"}
    assert await gitlab.branch_names(projects, "^feat") == []
    assert await gitlab.branch_names(projects, "no-such-branch") == []


async def test_a_project_tells_its_default_branch(gitlab: GitLabGateway) -> None:
    found = await gitlab.project(CART)
    assert found is not None
    assert (found.path, found.default_branch, found.archived) == (CART, "main", False)
    assert await gitlab.project(ProjectPath("shop/nothing")) is None
