"""The port `Addresses`: whether what runs in an environment answers, asked as a browser would."""

import asyncio
from collections.abc import Collection
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from qbot.domain.ready import Answer
from qbot.gateways.trust import trusting

_WITHIN = 10.0  # seconds for one question, redirects included
_REDIRECTS = 5
_REASON = 60  # characters of what the server calls its status
_PLACE = 80  # characters of where it leads instead
_WEB = ("http", "https")


class AddressGateway:
    """Asks and reads no answer's body.

    Args:
        http: follows no redirect by itself: where one leads is looked at first.
        within: seconds for one question.
    """

    def __init__(self, http: httpx.AsyncClient, *, within: float = _WITHIN) -> None:
        self._http = http
        self._within = within

    async def ask(self, url: str, good: Collection[int]) -> Answer:
        """One GET, and those that it leads to on the same host."""
        try:
            async with asyncio.timeout(self._within):
                return await self._follow(self._http.build_request("GET", url), good)
        except (TimeoutError, httpx.TimeoutException):
            return Answer(well=False, said=f"does not answer within {self._within:g} s")
        except httpx.TransportError as error:
            return Answer(well=False, said=f"does not answer ({type(error).__name__})")
        except (httpx.InvalidURL, UnicodeError):
            return Answer(well=False, said="is malformed, or leads to what is")

    async def _follow(self, request: httpx.Request, good: Collection[int]) -> Answer:
        for _ in range(_REDIRECTS + 1):
            response = await self._http.send(request, stream=True, follow_redirects=False)
            await response.aclose()
            status = response.status_code
            if status in good or (not good and response.is_success):
                return Answer(well=True, said=f"answers {status}")
            onward = response.next_request
            if onward is None:
                said = f"answers {status} {response.reason_phrase[:_REASON]}".rstrip()
                return Answer(well=False, said=said)
            if not _same_host(request.url, onward.url):
                return Answer(well=False, said=f"leads elsewhere: {_place(onward.url)}")
            request = onward
        return Answer(well=False, said=f"redirects more than {_REDIRECTS} times")

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def _same_host(one: httpx.URL, other: httpx.URL) -> bool:
    """The same port of it, or HTTPS in the place of HTTP."""
    if one.host != other.host or other.scheme not in _WEB:
        return False
    if (one.scheme, other.scheme) == ("http", "https"):
        return (one.port, other.port) == (None, None)
    return (one.scheme, one.port) == (other.scheme, other.port)


def _place(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode()}"[:_PLACE]


def open_addresses() -> AddressGateway:
    """Build it; nothing is sent yet. Close it when done."""
    # One environment's cookies are no business of another one's.
    cookies = CookieJar(policy=DefaultCookiePolicy(allowed_domains=()))
    limits = httpx.Limits(max_keepalive_connections=0)  # it may be hours until the next question
    return AddressGateway(
        httpx.AsyncClient(
            verify=trusting(),
            timeout=httpx.Timeout(_WITHIN),
            limits=limits,
            cookies=cookies,
            follow_redirects=False,
        )
    )
