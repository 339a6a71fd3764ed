"""Comments keep server-sent events alive, whatever else the stream has to hold back."""

import itertools

from tests.sandbox.argocd.world import Argo, cart, watching

NAMES = "result.type,result.application.metadata.name"


async def test_a_heartbeat_comes_also_while_repeats_are_held_back(argo: Argo) -> None:
    await argo.project()
    await argo.create(cart(auto=False))
    numbers = itertools.count()

    def beaten_amid_repeats() -> bool:
        argo.label("qbot-x-cart", n=str(next(numbers)))
        return b"\n:\n" in events.raw

    async with watching(argo, accept="text/event-stream", fields=NAMES) as events:
        assert await events.names(1) == [("ADDED", "qbot-x-cart")]
        argo.kernel.clock.advance(15)
        await argo.until(beaten_amid_repeats)
    assert events.raw.count(b"data: ") <= 2
