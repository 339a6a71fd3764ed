"""A certificate authority of one's own reaches the connection."""

from pathlib import Path

import pytest

from qbot.gateways.gitlab import open_gitlab
from tests.clocks import HandClock


@pytest.mark.parametrize("ca_file", [None, Path("ca.pem")])
async def test_it_is_what_answers_are_verified_with(ca_file: Path | None) -> None:
    gateway = open_gitlab("https://gitlab.example", "t", clock=HandClock(), ca_file=ca_file)
    try:
        assert gateway._client._api.ssl_verify == (str(ca_file) if ca_file else True)
    finally:
        await gateway.close()
