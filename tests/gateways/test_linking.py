"""What a browser carries: for one person, for a quarter of an hour, and nobody else's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbot.domain.people import Actor
from qbot.gateways.linking import LIVES, Invitation, Invitations
from tests.clocks import HandClock

ANA = Actor("T1", "U1")
URL = "https://qbot.example/bot"


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def made(clock: HandClock, key: str = "shh") -> Invitations:
    return Invitations(public_url=URL, secret=key, clock=clock)


def invited(invitations: Invitations, name: str = "Ana") -> tuple[str, Invitation]:
    token = invitations.invite(ANA, name).removeprefix(f"{URL}/link/")
    found = invitations.invited(token)
    assert found is not None
    return token, found


def test_a_link_tells_whose_it_is(clock: HandClock) -> None:
    token, found = invited(made(clock), "Ána <b>")
    assert (found.actor, found.name) == (ANA, "Ána <b>")
    assert "/" not in token
    assert len(invited(made(clock), "x" * 500)[1].name) == 80


def test_every_link_is_another_one(clock: HandClock) -> None:
    invitations = made(clock)
    assert len({invited(invitations)[1].nonce for _ in range(20)}) == 20


def test_it_ends_after_a_quarter_of_an_hour(clock: HandClock) -> None:
    invitations = made(clock)
    token, found = invited(invitations)
    state = invitations.state(found)
    clock.advance(LIVES.total_seconds())
    assert invitations.invited(token) == found == invitations.returned(state)
    clock.advance(1)
    assert invitations.invited(token) is None
    assert invitations.returned(state) is None


def test_another_replica_accepts_it_and_another_secret_does_not(clock: HandClock) -> None:
    token, found = invited(made(clock))
    assert made(clock).invited(token) == found
    assert made(clock, "other").invited(token) is None


def test_a_link_is_no_answer_and_an_answer_no_link(clock: HandClock) -> None:
    invitations = made(clock)
    token, found = invited(invitations)
    assert invitations.returned(token) is None
    assert invitations.invited(invitations.state(found)) is None


def test_without_a_secret_nothing_is_signed(clock: HandClock) -> None:
    with pytest.raises(ValueError, match="secret"):
        made(clock, "")


def test_what_is_derived_differs_by_purpose_and_link(clock: HandClock) -> None:
    invitations = made(clock)
    one, other = invited(invitations)[1], invited(invitations)[1]
    derived = {f(i) for f in (invitations.verifier, invitations.browser) for i in (one, other)}
    assert len(derived) == 4
    assert all(43 <= len(text) <= 128 for text in derived)  # as PKCE wants it
    assert invitations.is_browser(one, invitations.browser(one))
    assert not invitations.is_browser(one, invitations.browser(other))
    assert not invitations.is_browser(one, "")
    assert not invitations.is_browser(one, "ü\udcff")


@given(st.text() | st.from_regex(r"[\w-]{0,40}\.[\w-]{0,10}\.[\w-]{0,40}"))
def test_nothing_else_is_a_link(text: str) -> None:
    invitations = made(HandClock())
    assert invitations.invited(text) is None
    assert invitations.returned(text) is None


@given(st.data())
def test_a_changed_letter_spoils_it(data: st.DataObject) -> None:
    invitations = made(HandClock())
    token, found = invited(invitations)
    at = data.draw(st.integers(0, len(token) - 2))
    changed = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
    assert invitations.invited(changed) in (None, found)
    assert changed == token or invitations.invited(changed) is None
