"""Jobs that are pipelines or HTTP requests, the latter over real sockets."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from qbot.domain.jobs import HttpJob, Job, JobRun, JobState, PipelineJob, filled
from qbot.domain.names import ProjectPath
from qbot.errors import NotTakenError, PermanentError
from qbot.gateways.http_jobs import open_http_jobs
from qbot.gateways.jobs import JobGateway

SECRET = "s3cr3t-t0ken/with+odd=signs"
VALUES = {"env": "qbot-x", "url": "https://x.example/a", "services": "cart,web", "sha": "1" * 40}
PIPELINE = PipelineJob(
    ProjectPath("shop/e2e"), "main", {"URL": "{url}", "WHAT": "{services}", "QBOT_KEY": "mine"}
)


@dataclass
class Hook:
    """Receives requests and answers as a test says."""

    url: str = ""
    status: int = 200
    text: str = "fine"
    headers: dict[str, str] = field(default_factory=dict)
    seen: list[web.Request] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    hangs: bool = False

    async def handle(self, request: web.Request) -> web.Response:
        self.seen.append(request)
        self.bodies.append(await request.text())
        if self.hangs:
            await asyncio.sleep(30)
        return web.Response(status=self.status, text=self.text, headers=self.headers)


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    made = Hook()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    server = TestServer(app, shutdown_timeout=0.1)
    await server.start_server()
    made.url = str(server.make_url("/")).rstrip("/")
    yield made
    await server.close()


class Pipelines:
    """The part of `ConfigRepository` that jobs need."""

    def __init__(self) -> None:
        self.status = "running"
        self.started: list[tuple[str, str, dict[str, str], str]] = []

    async def newest_pipeline(self, project: str, ref: str) -> int:
        assert (project, ref) == ("shop/e2e", "main")
        return 16

    async def start_pipeline(
        self, project: str, ref: str, variables: Mapping[str, str], *, key: str, after: int
    ) -> int:
        assert after == 16
        self.started.append((project, ref, dict(variables), key))
        return 17

    async def found_pipeline(self, project: str, ref: str, *, key: str, after: int) -> int | None:
        asked = (project, ref, key)
        return next((17 for p, r, _, k in self.started if (p, r, k) == asked), None)

    async def pipeline(self, project: str, pipeline: int) -> tuple[str, str]:
        return self.status, f"https://git/{project}/-/pipelines/{pipeline}"


@pytest.fixture
def pipelines() -> Pipelines:
    return Pipelines()


@pytest.fixture
async def jobs(pipelines: Pipelines) -> AsyncIterator[JobGateway]:
    http = open_http_jobs({"hook": SECRET})
    made = JobGateway(repository=cast("Any", pipelines), http=http)
    yield made
    await made.close()


def http(url: str, *, seconds: float = 20, **rest: Any) -> Job:
    return Job("notify", HttpJob(url, **rest), timeout=timedelta(seconds=seconds))


async def run(jobs: JobGateway, job: Job) -> JobRun:
    since = await jobs.before(job, VALUES)
    return await jobs.look(job, await jobs.start(job, VALUES, key="k-1", since=since))


async def test_a_request_has_its_token_its_key_and_its_braces_filled(
    hook: Hook, jobs: JobGateway
) -> None:
    job = http(f"{hook.url}/run/{{services}}", secret="hook", body={"text": "{env} {sha}: {json}"})
    assert (await run(jobs, job)) == JobRun("notify", JobState.PASSED, note="200 OK: fine")
    (request,) = hook.seen
    assert (request.method, request.raw_path) == ("POST", "/run/cart%2Cweb")
    assert request.headers["Authorization"] == f"Bearer {SECRET}"
    assert request.headers["Idempotency-Key"] == "k-1"
    assert json.loads(hook.bodies[0]) == {"text": f"qbot-x {'1' * 40}: {{json}}"}


async def test_a_request_without_a_secret_or_a_body_has_none(hook: Hook, jobs: JobGateway) -> None:
    assert (await run(jobs, http(hook.url, method="GET"))).state is JobState.PASSED
    assert "Authorization" not in hook.seen[0].headers
    assert hook.bodies == [""]


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_where_a_gateway_lost_the_answer_it_is_said_and_not_repeated(
    hook: Hook, jobs: JobGateway, status: int
) -> None:
    hook.status, hook.text = status, "upstream"
    found = await run(jobs, http(hook.url))
    assert found.state is JobState.FAILED
    assert "upstream. Whether it ran is not known" in found.note


@pytest.mark.parametrize("abort", [True, False], ids=["reset", "closed"])
async def test_a_request_that_was_read_and_never_answered_is_not_sent_again(
    jobs: JobGateway, *, abort: bool
) -> None:
    received = []

    async def lose(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.readuntil(b"\r\n\r\n"))
        writer.transport.abort() if abort else writer.close()

    server = await asyncio.start_server(lose, "127.0.0.1", 0)
    async with server:
        found = await run(jobs, http(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"))
    assert found.state is JobState.FAILED
    assert "Whether it ran is not known" in found.note
    assert len(received) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 500, 302, 304])
async def test_any_other_answer_is_a_failure_with_its_words(
    hook: Hook, jobs: JobGateway, status: int
) -> None:
    hook.status, hook.text = status, "" if status == 304 else "no such table"
    hook.headers = {"Location": "/elsewhere"} if status == 302 else {}
    found = await run(jobs, http(hook.url))
    assert found.state is JobState.FAILED
    assert found.note.startswith(str(status))
    assert len(hook.seen) == 1


async def test_a_redirect_does_not_carry_the_token_away(hook: Hook, jobs: JobGateway) -> None:
    hook.status, hook.headers = 307, {"Location": f"{hook.url}/elsewhere"}
    await run(jobs, http(hook.url, secret="hook"))
    assert [r.path for r in hook.seen] == ["/"]


@pytest.mark.parametrize("status", [429, 503])
async def test_a_server_that_says_to_come_later_is_asked_again(
    hook: Hook, jobs: JobGateway, status: int
) -> None:
    hook.status, hook.headers = status, {"Retry-After": "7"}
    with pytest.raises(NotTakenError, match=str(status)) as caught:
        await run(jobs, http(hook.url))
    assert caught.value.retry_after == 7


async def test_a_server_that_is_not_there_is_asked_again_later(jobs: JobGateway) -> None:
    with pytest.raises(NotTakenError, match="ConnectError"):
        await run(jobs, http(f"http://127.0.0.1:{unused_port()}"))


async def test_no_answer_in_time_is_a_failure_and_not_repeated(
    hook: Hook, jobs: JobGateway
) -> None:
    hook.hangs = True
    found = await run(jobs, http(hook.url, seconds=0.05))
    assert found.state is JobState.FAILED
    assert "no answer within" in found.note


async def test_a_secret_that_comes_back_is_not_told(hook: Hook, jobs: JobGateway) -> None:
    hook.status, hook.text = 400, f"bad token {SECRET} and glpat-xxxxxxxxxxxxxxxxxxxx\n{'x' * 900}"
    note = (await run(jobs, http(hook.url, secret="hook"))).note
    assert SECRET not in note
    assert "glpat" not in note
    assert len(note) < 260


async def test_an_endless_answer_is_cut(hook: Hook, jobs: JobGateway) -> None:
    hook.text = "y" * 3_000_000
    assert len((await run(jobs, http(hook.url))).note) < 260


async def test_a_missing_secret_names_its_setting_and_sends_nothing(
    hook: Hook, jobs: JobGateway
) -> None:
    with pytest.raises(PermanentError, match="QBOT_JOBS__OTHER"):
        await run(jobs, http(hook.url, secret="other"))
    assert not hook.seen


async def test_a_malformed_secret_is_not_quoted(hook: Hook, pipelines: Pipelines) -> None:
    opened = open_http_jobs({"hook": "a-s3cr3t\nX: y"})
    jobs = JobGateway(repository=cast("Any", pipelines), http=opened)
    with pytest.raises(PermanentError) as caught:
        await run(jobs, http(hook.url, secret="hook"))
    assert "s3cr3t" not in str(caught.value)
    await jobs.close()


@pytest.mark.parametrize("url", ["ftp://x", "nowhere", "http://x:port/"])
async def test_a_url_that_is_none_is_the_owners_matter(jobs: JobGateway, url: str) -> None:
    with pytest.raises(PermanentError, match="cannot be sent"):
        await run(jobs, http(url))


async def test_the_address_of_the_environment_may_be_called(hook: Hook, jobs: JobGateway) -> None:
    job = http("{url}/healthz", method="GET")
    handle = await jobs.start(job, {"url": f"{hook.url}/shop"}, key="k", since="")
    assert (await jobs.look(job, handle)).state is JobState.PASSED
    assert hook.seen[0].path == "/shop/healthz"


async def test_a_pipeline_gets_its_variables_and_its_key(
    jobs: JobGateway, pipelines: Pipelines
) -> None:
    found = await run(jobs, Job("e2e", PIPELINE))
    assert pipelines.started == [
        ("shop/e2e", "main", {"URL": "https://x.example/a", "WHAT": "cart,web"}, "k-1")
    ]
    assert found == JobRun("e2e", JobState.RUNNING, "https://git/shop/e2e/-/pipelines/17")


async def test_a_pipeline_that_was_started_is_found_by_its_key_and_a_request_never(
    hook: Hook, jobs: JobGateway
) -> None:
    pipeline, request = Job("e2e", PIPELINE), http(hook.url)
    for job in (pipeline, request):
        assert await jobs.found(job, VALUES, key="k-1", since="16") is None
        await jobs.start(job, VALUES, key="k-1", since="16")
    assert await jobs.found(pipeline, VALUES, key="k-1", since="16") == "17"
    assert await jobs.found(pipeline, VALUES, key="k-2", since="16") is None
    assert await jobs.found(request, VALUES, key="k-1", since="16") is None
    assert len(hook.seen) == 1


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("success", JobState.PASSED),
        ("failed", JobState.FAILED),
        ("canceled", JobState.FAILED),
        ("skipped", JobState.FAILED),
        ("manual", JobState.RUNNING),
        ("waiting_for_callback", JobState.RUNNING),
    ],
)
async def test_a_pipelines_words_mean(
    jobs: JobGateway, pipelines: Pipelines, status: str, state: JobState
) -> None:
    pipelines.status = status
    assert (await jobs.look(Job("e2e", PIPELINE), "17")).state is state


def test_braces_that_mean_nothing_stay_and_values_are_not_read_again() -> None:
    assert filled("{env} {x} {{sha}} {url}", {"env": "{sha}", "sha": "1"}) == "{sha} {x} {1} "
