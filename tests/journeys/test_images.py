"""A version is an image: what is approved is what is merged, whatever is pushed in between."""

import asyncio
from pathlib import Path

from tests.journeys.test_promotion import a_minute_passes
from tests.refusals.production import audit_of
from tests.stages import CONFIG, card, press, versions
from tests.world import HASTE, world


async def test_an_image_pushed_under_the_same_tag_has_to_be_approved_anew(tmp_path: Path) -> None:
    async with world(tmp_path, speed=600.0, services=8, haste=HASTE) as made:
        await made.serve()
        drive = made.drive
        wanted = await versions(drive, "staging")
        gone = {"project": "shop/shipping", "tag": wanted["shipping"]}
        await drive.post("image", **gone, action="remove")
        await drive.env("promote staging production shipping")
        missing = f"The registry has no image of `shipping` at `{wanted['shipping'][:8]}`."

        async def refused() -> bool:
            return any(missing in m["text"] for m in await drive.messages())

        await drive.until(refused, what=f"the refusal {missing!r}")
        await drive.post("pipeline", project=CONFIG, ref="qbot/P-2", status="running")
        await drive.env("promote staging production cart,payments")
        await card(drive, "P-2:", "Waiting for 2 approvals", "all images pinned")
        await press(drive, "Approve", "chloe", "P-2:", "Waiting for 2 approvals")
        await press(drive, "Approve", "dan", "P-2:", "Waiting for 1 more approval")
        await card(drive, "P-2:", "Merging")
        cart = {"project": "shop/cart", "tag": wanted["cart"]}
        pushed = await drive.post("image", **cart, action="push")
        await drive.post("pipeline", project=CONFIG, ref="qbot/P-2", status="success")
        why = "no longer count: another image was pushed since as `cart`"
        await card(drive, "P-2:", "Waiting for 2 approvals", why)
        assert (await versions(drive, "production"))["cart"] != wanted["cart"]
        await a_minute_passes(drive)
        await press(drive, "Approve", "chloe", "P-2:", "Waiting for 2 approvals")
        await press(drive, "Approve", "dan", "P-2:", "Waiting for 1 more approval")
        await card(drive, "Done: P-2")
        assert (await versions(drive, "production"))["cart"] == wanted["cart"]
        proposed = [
            row
            for row in await asyncio.to_thread(audit_of, made)
            if row["action"] == "promotion.proposed"
        ]
        known = [pushed["digest"] in row["detail"]["images"] for row in proposed]
        assert known == [False, True]
