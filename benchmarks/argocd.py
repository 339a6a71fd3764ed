"""Creation of 100 Applications against the ideal and a sequential client; cost of the live view.

The server is a process of its own; goals are printed beside what was measured.
"""

import asyncio
import json
import logging
import math
import multiprocessing
import socket
import statistics
import sys
import time
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import structlog

from benchmarks.argocd_server import (
    DELAY,
    ENVIRONMENTS,
    SERVICES,
    SHA,
    application,
    env_id,
    serve,
)
from qbot.domain.environment import Environment, Phase
from qbot.domain.names import BranchName, EnvId, EnvName, OpId, ProjectPath, ServiceName
from qbot.domain.people import Actor
from qbot.domain.services import Service, ServicePlan, Source
from qbot.gateways.argocd import specs
from qbot.gateways.argocd.gateway import ArgoCDGateway, open_argocd
from qbot.gateways.argocd.policy import BaseChart, SpecPolicy
from qbot.gateways.argocd.states import state
from qbot.gateways.argocd.table import Table
from qbot.gateways.clock import SystemClock

PARALLEL, SECONDS, RATE = 16, 10, 500
POLICY = SpecPolicy(base=BaseChart("http://git/environments.git", "base", "main"))
OP = OpId("benchmark")


def environment(number: int) -> Environment:
    return Environment(
        id=EnvId(env_id(number)),
        name=EnvName(f"qbot-env-{number}"),
        branch=BranchName(f"env-{number}"),
        owner=Actor("T1", "U1"),
        phase=Phase.CREATING,
        created_at=datetime(2026, 1, 5, tzinfo=UTC),
    )


def service(number: int) -> Service:
    return Service(
        name=ServiceName(f"service-{number}"),
        project=ProjectPath(f"shop/service-{number}"),
        repo_url=f"http://git/service-{number}.git",
        default_branch="main",
    )


ENV, CATALOG = environment(0), [service(n) for n in range(SERVICES)]


def plan(of: Service) -> ServicePlan:
    return ServicePlan(of.name, Source.BRANCH, "env-0", SHA)


@asynccontextmanager
async def server() -> AsyncIterator[str]:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    spawned = multiprocessing.get_context("spawn").Process(target=serve, args=(port, RATE))
    spawned.start()
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(base_url=url) as client:
            for _ in range(100):
                try:
                    await client.get("/requests")
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.1)
        yield url
    finally:
        spawned.terminate()
        spawned.join()


def opened(url: str) -> ArgoCDGateway:
    return open_argocd(url=url, token="t", ca_file=None, policy=POLICY, clock=SystemClock())


async def create(argocd: ArgoCDGateway) -> float:
    """As the operation does it: project, base, the first one checked, then all others."""
    limit = asyncio.Semaphore(PARALLEL)

    async def one(of: Service) -> None:
        async with limit:
            await argocd.ensure_application(ENV, of, plan(of), op=OP, validate=False)

    began = time.perf_counter()
    first, *others = CATALOG
    await argocd.ensure_project(ENV, CATALOG)
    await argocd.ensure_base(ENV, op=OP)
    await argocd.ensure_application(ENV, first, plan(first), op=OP, validate=True)
    await asyncio.gather(*(one(s) for s in others))
    return time.perf_counter() - began


async def sequential(url: str) -> float:
    """The same requests one after the other."""
    began = time.perf_counter()
    async with httpx.AsyncClient(base_url=url) as client:
        await client.post("/api/v1/projects", json=specs.project(ENV, CATALOG, POLICY))
        await client.post("/api/v1/applications", json=specs.base(ENV, POLICY))
        for each in CATALOG:
            body = specs.application(ENV, each, plan(each), POLICY)
            await client.post("/api/v1/applications", json=body)
    return time.perf_counter() - began


async def measure_creation(url: str) -> bool:
    ideal = (3 + math.ceil((SERVICES - 1) / PARALLEL)) * DELAY
    argocd = opened(url)
    async with httpx.AsyncClient(base_url=url) as client:
        times, requests = [], 0
        for _ in range(5):
            before = (await client.get("/requests")).json()
            times.append(await create(argocd))
            requests = (await client.get("/requests")).json() - before
    await argocd.close()
    taken, slow = statistics.median(times), await sequential(url)
    print(f"create {SERVICES} applications, {DELAY * 1000:.0f} ms a call, {PARALLEL} parallel")
    print(f"  qbot {taken:.3f} s = {taken / ideal:.2f}x of the ideal {ideal:.3f} s (goal 1.15x)")
    print(f"  sequential client {slow:.3f} s = {slow / taken:.1f}x of qbot")
    print(f"  requests {requests} (goal <= {SERVICES + 6})")
    return taken <= 1.15 * ideal and requests <= SERVICES + 6


async def follow(argocd: ArgoCDGateway, env: Environment, late: list[float]) -> None:
    """How long ago each event that shows up in the view was sent, in milliseconds."""
    known: dict[ServiceName, str] = {}
    async with aclosing(argocd.watch(env)) as changes:
        async for states in changes:
            now = time.monotonic_ns()
            for name, each in states.items():
                if each.message is not known.get(name):
                    known[name] = each.message
                    if each.message.startswith("sent "):
                        late.append((now - int(each.message[5:])) / 1e6)


async def measure_watch(url: str) -> bool:
    argocd, late = opened(url), list[float]()
    tasks = [
        asyncio.create_task(follow(argocd, replace(environment(n)), late))
        for n in range(ENVIRONMENTS)
    ]
    await asyncio.sleep(4)  # the first bursts are no part of it
    late.clear()
    cpu, wall = time.process_time(), time.perf_counter()
    await asyncio.sleep(SECONDS)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    seen = len(late) / wall
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await argocd.close()
    p99 = statistics.quantiles(late, n=100)[98]
    print(f"watch {ENVIRONMENTS * SERVICES} applications in {ENVIRONMENTS} watched environments")
    print(f"  {seen:.0f} events/s seen of {RATE} sent")
    print(f"  {cpu / wall:.1%} of one core, the benchmark's own look included (goal 30%)")
    print(f"  event to view: median {statistics.median(late):.1f} ms, p99 {p99:.1f} ms (goal 250)")
    return cpu / wall <= 0.3 and p99 <= 250 and seen >= 0.98 * RATE


def measure_memory() -> bool:
    """What the table holds of 4,500 Applications, each with a message of its own."""
    lines = [
        json.dumps(application(env, s, f"waiting for healthy state of Deployment {env}-{s}"))
        for env in range(ENVIRONMENTS)
        for s in range(SERVICES)
    ]
    table = Table()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for line in lines:
        table.offer(state(json.loads(line)))
    size = (tracemalloc.get_traced_memory()[0] - before) / len(lines)
    tracemalloc.stop()
    print(f"  {size:.0f} bytes per application (goal 1024)")
    return size <= 1024


async def measure() -> bool:
    async with server() as url:
        created, watched = await measure_creation(url), await measure_watch(url)
    return created and watched


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    met = [asyncio.run(measure()), measure_memory()]
    sys.exit(0 if all(met) else 1)
