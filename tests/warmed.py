"""Imported before processes are forked: what each of them would load anew is there already.

That is the YAML of the sandbox's charts and pipelines, a third of what it costs it to start and
to make one environment, the repositories of a shop, and the authorities that Qbot's clients
believe.
"""

import asyncio
import gc

from qbot.gateways.trust import trusting
from qbot.sandbox.argocd.charts import render
from qbot.sandbox.clock import SandboxClock
from qbot.sandbox.gitlab.ci_config import plan
from qbot.sandbox.kernel import Kernel
from qbot.sandbox.repo_folder import Repositories
from qbot.sandbox.server import Sandbox
from qbot.sandbox.shop.base import base_files
from qbot.sandbox.shop.charts import service_files
from qbot.sandbox.shop.fresh import settle
from qbot.sandbox.shop.services import CORE
from qbot.sandbox.shop.stage_texts import chart_files, ci_text
from tests.memory import SELDOM


def _below(folder: str, files: dict[str, str]) -> dict[str, str]:
    return {
        path.removeprefix(folder): text for path, text in files.items() if path.startswith(folder)
    }


def _read(files: dict[str, str]) -> None:
    helm = {"valueFiles": [path for path in files if path.startswith("values")]}
    render(files, helm, app="app", namespace="namespace")


def _settled() -> None:
    clock = SandboxClock()
    repositories = Repositories(Kernel(clock))
    try:
        settle(repositories, len(CORE), "helm", clock.now())
    finally:
        repositories.clear()


_settled()
for _service in CORE:
    _files = service_files(_service)
    _read(_below("chart/", _files))
    plan(_files[".gitlab-ci.yml"], "push", {}, {})
_read(_below("base/", base_files()))
_read(chart_files())
plan(ci_text(), "merge_request_event", {}, {})
trusting()


async def _settle() -> None:
    """Leave behind the shop's commits, and what its stages have of them."""
    sandbox = Sandbox()
    await sandbox.start()
    await sandbox.stop()


asyncio.run(_settle())
gc.collect()
gc.freeze()  # what is here is never garbage, and forked processes need no copies of it
gc.set_threshold(*SELDOM)
