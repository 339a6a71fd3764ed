"""Whether Argo CD knows the token: it answers 200 to everybody."""

from typing import Any

import pytest
from aiohttp import web

from qbot.errors import PermanentError, TransientError
from qbot.gateways.argocd.gateway import ArgoCDGateway
from tests.gateways.argocd.world import OddServer

USERINFO = "GET /session/userinfo"


async def test_a_token_with_an_account_is_known(odd: OddServer, argocd: ArgoCDGateway) -> None:
    odd.on(USERINFO, web.json_response({"loggedIn": True, "username": "qbot", "iss": "argocd"}))
    await argocd.check_token()


@pytest.mark.parametrize("said", [{}, {"loggedIn": False}, None, []])
async def test_a_token_of_nobody_is_refused_by_its_setting(
    odd: OddServer, argocd: ArgoCDGateway, said: Any
) -> None:
    odd.on(USERINFO, web.json_response(said))
    with pytest.raises(PermanentError, match="QBOT_ARGOCD__MAIN__TOKEN needs a new one"):
        await argocd.check_token()


async def test_an_argo_cd_that_fails_says_nothing_about_the_token(
    odd: OddServer, argocd: ArgoCDGateway
) -> None:
    odd.on(USERINFO, web.Response(status=503))
    with pytest.raises(TransientError):
        await argocd.check_token()
