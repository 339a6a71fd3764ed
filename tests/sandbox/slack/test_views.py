import asyncio
from typing import Any

from tests.sandbox.slack.stage import ANA, EVE, SUBMIT, Stage, modal, refused, section, text_input


def trigger(played: Stage, view_id: str = "") -> str:
    return played.slack.world.trigger(ANA, view_id)


async def open_modal(played: Stage, **more: Any) -> dict[str, Any]:
    answer = await played.client.views_open(trigger_id=trigger(played), view=modal(**more))
    view: dict[str, Any] = answer["view"]
    return view


async def test_a_modal_opens_for_the_person_whose_trigger_it_is(played: Stage) -> None:
    view = await open_modal(played, private_metadata="op-7", callback_id="create")
    looked = await played.look("views", **{"as": "ana"})
    assert looked["view"]["id"] == view["id"] == view["root_view_id"]
    assert looked["view"]["private_metadata"] == "op-7"
    assert (await played.look("views", **{"as": "ben"}))["view"] is None


async def test_a_trigger_is_good_for_one_view_within_three_seconds(played: Stage) -> None:
    used = trigger(played)
    await played.client.views_open(trigger_id=used, view=modal())
    again = await refused(played.client.views_open(trigger_id=used, view=modal()))
    assert again["error"] == "exchanged_trigger_id"
    late = trigger(played)
    played.kernel.clock.advance(3.1)
    expired = await refused(played.client.views_open(trigger_id=late, view=modal()))
    assert expired["error"] == "expired_trigger_id"
    unknown = await refused(played.client.views_open(trigger_id="1.2.3", view=modal()))
    assert unknown["error"] == "invalid_trigger_id"


async def test_a_refused_view_does_not_cost_the_trigger(played: Stage) -> None:
    once = trigger(played)
    wrong = modal(title={"type": "plain_text", "text": "x" * 25})
    answer = await refused(played.client.views_open(trigger_id=once, view=wrong))
    assert answer["error"] == "invalid_arguments"
    assert answer["response_metadata"]["messages"] == [
        "[ERROR] must be less than 25 characters [json-pointer:/view/title/text]"
    ]
    assert (await played.client.views_open(trigger_id=once, view=modal()))["ok"]


async def test_a_view_may_be_sent_as_a_json_string(played: Stage) -> None:
    view = '{"type": "modal", "title": {"type": "plain_text", "text": "x"}, "blocks": []}'
    sent = {"trigger_id": trigger(played), "view": view}
    assert (await played.client.api_call("views.open", json=sent))["ok"]


async def test_a_hash_guards_an_update(played: Stage) -> None:
    view = await open_modal(played)
    where = {"view_id": view["id"]}
    changed = await played.client.views_update(**where, hash=view["hash"], view=modal())
    assert changed["view"]["hash"] != view["hash"]
    late = await refused(played.client.views_update(**where, hash=view["hash"], view=modal()))
    assert late["error"] == "hash_conflict"
    assert (await played.client.views_update(**where, view=modal()))["ok"]


async def test_an_update_finds_a_view_by_its_external_id(played: Stage) -> None:
    await open_modal(played, external_id="mine")
    again = modal(external_id="mine")
    assert (await played.client.views_update(external_id="mine", view=again))["ok"]
    second = played.client.views_open(trigger_id=trigger(played), view=again)
    assert (await refused(second))["error"] == "duplicate_external_id"
    lost = await refused(played.client.views_update(external_id="theirs", view=modal()))
    assert lost["error"] == "not_found"


async def test_what_was_typed_survives_an_update_that_keeps_the_ids(played: Stage) -> None:
    typed = modal(text_input("name", "b1"), submit=SUBMIT)
    answer = await played.client.views_open(trigger_id=trigger(played), view=typed)
    view = played.slack.world.find_view(answer["view"]["id"])
    assert view
    view.values = {"b1": {"name": {"type": "plain_text_input", "value": "kept"}}}
    kept = await played.client.views_update(view_id=view.id, view=typed)
    assert kept["view"]["state"]["values"]["b1"]["name"]["value"] == "kept"
    moved = modal(text_input("name", "b2"), submit=SUBMIT)
    lost = await played.client.views_update(view_id=view.id, view=moved)
    assert lost["view"]["state"]["values"] == {}


async def test_three_modals_may_be_stacked(played: Stage) -> None:
    view = await open_modal(played)
    for _ in range(2):
        pushed = await played.client.views_push(
            trigger_id=trigger(played, view["id"]), view=modal()
        )
        assert pushed["view"]["previous_view_id"] == view["id"]
        view = pushed["view"]
    fourth = played.client.views_push(trigger_id=trigger(played, view["id"]), view=modal())
    assert (await refused(fourth))["error"] == "push_limit_reached"
    assert len((await played.look("views", **{"as": "ana"}))["views"]) == 3


async def test_a_push_needs_a_trigger_from_within_a_modal(played: Stage) -> None:
    await open_modal(played)
    outside = played.client.views_push(trigger_id=trigger(played), view=modal())
    assert (await refused(outside))["error"] == "not_found"


async def test_a_closed_view_cannot_be_updated(played: Stage) -> None:
    view = await open_modal(played)
    closed = await played.drive("close", user="ana", view_id=view["id"])
    assert closed["closed"] == [view["id"]]
    answer = await refused(played.client.views_update(view_id=view["id"], view=modal()))
    assert answer["error"] == "not_found"


async def test_a_view_has_a_size_limit(played: Stage) -> None:
    blocks = [section("x" * 3000, str(n)) for n in range(90)]
    huge = modal(*blocks)
    answer = await refused(played.client.views_open(trigger_id=trigger(played), view=huge))
    assert answer["error"] == "view_too_large"


async def test_a_home_is_published_per_person(played: Stage) -> None:
    home = {"type": "home", "blocks": [section("yours")]}
    heard = played.kernel.feed.listen()
    first = await played.client.views_publish(user_id=ANA, view=home)
    assert heard.get_nowait() == {"topic": "home", "user": "ana"}
    assert (await played.look("home", **{"as": "ana"}))["view"]["blocks"][0]["text"]["text"]
    stale = played.client.views_publish(user_id=ANA, view=home, hash="0.0")
    assert (await refused(stale))["error"] == "hash_conflict"
    again = await played.client.views_publish(user_id=ANA, view=home, hash=first["view"]["hash"])
    assert again["view"]["id"] == first["view"]["id"]
    for wrong in (EVE, "U0NOBODY"):
        answer = await refused(played.client.views_publish(user_id=wrong, view=home))
        assert answer["error"] == "invalid_arguments"
    kind = await refused(played.client.views_publish(user_id=ANA, view=modal()))
    assert kind["error"] == "invalid_arguments"


async def test_concurrent_updates_with_one_hash_settle_on_one(played: Stage) -> None:
    view = await open_modal(played)
    calls = [
        played.client.views_update(view_id=view["id"], hash=view["hash"], view=modal())
        for _ in range(5)
    ]
    done = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(not isinstance(one, Exception) for one in done) == 1


async def test_a_client_that_starts_again_forgets_its_modals_and_the_app_is_not_told(
    played: Stage,
) -> None:
    view = await open_modal(played, notify_on_close=True)
    assert (await played.drive("reload", user="ana"))["closed"] == [view["id"]]
    assert (await played.look("views", **{"as": "ana"}))["view"] is None
    assert (await played.drive("reload", user="ana"))["closed"] == []
