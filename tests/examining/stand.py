"""A sandbox in this process, what may be taken from Qbot there, and the doctor beside it."""

import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx

from qbot.app.examining import examine
from qbot.domain.diagnosis.findings import Report
from qbot.sandbox.server import Sandbox
from qbot.sandbox.shop.stages import stages_project
from qbot.settings import Settings, all_secrets
from qbot.settings.loading import load
from tests.plain import NO_TLS

Mode = Literal["http", "socket"]
CONFIG = stages_project("helm")
NOBODY = "http://127.0.0.1:1"  # nobody serves at this port and the next one


@dataclass(frozen=True, slots=True)
class Stand:
    """One sandbox, and Qbot's settings for it; no Qbot serves."""

    sandbox: Sandbox
    http: httpx.AsyncClient
    folder: Path

    @property
    def env_file(self) -> Path:
        return self.folder / "env"

    @property
    def settings(self) -> Settings:
        return load({}, env_file=self.env_file)

    @property
    def catalog(self) -> Path:
        return self.folder / "qbot.yaml"

    async def drive(self, path: str, /, **body: Any) -> None:
        answer = await self.http.post(f"/drive/{path}", json=body)
        assert answer.status_code == 200, f"{path} {body}: {answer.text}"

    async def gitlab(self, method: str, path: str, **body: Any) -> Any:
        """As an administrator of GitLab."""
        secret = self.sandbox.gitlab.issue_token("qbot", "api")
        headers = {"Authorization": f"Bearer {secret}"}
        answer = await self.http.request(
            method, f"/gitlab/api/v4{path}", json=body, headers=headers
        )
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def least(self) -> None:
        """The least rights that docs/rights.md asks for, in the place of an administrator's."""
        await self.drive("token", admin=False)
        await self.drive("role", place="shop", role="reporter")
        await self.drive("role", place=CONFIG, role="maintainer")
        await self.drive("role", place="release-managers", role="guest")

    async def doctor(self) -> Report:
        return await examine(self.settings)

    def secrets(self) -> frozenset[str]:
        return all_secrets(self.settings)


@asynccontextmanager
async def stand(mode: Mode = "http", services: int = 3) -> AsyncIterator[Stand]:
    sandbox = Sandbox(mode=mode, services=services, qbot_url=NOBODY)
    await sandbox.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder)
            sandbox.write_env_file(made / "env")
            async with httpx.AsyncClient(
                base_url=sandbox.url, trust_env=False, verify=NO_TLS
            ) as http:
                yield Stand(sandbox, http, made)
    finally:
        await sandbox.stop()


def to_mend(report: Report) -> Mapping[str, tuple[str, ...]]:
    """What has to be mended, and the lines to add."""
    return {finding.id: finding.lines for finding in report.to_mend}
