"""Files in three steps, through the unmodified client: each step once, and only then a message."""

from tests.sandbox.slack.stage import GENERAL, RANDOM, Json, Stage, refused

PNG = b"\x89PNG\r\n\x1a\n and so on"


async def begun(played: Stage, body: bytes = PNG, **more: str) -> Json:
    answer = await played.client.files_getUploadURLExternal(
        filename="chart.png", length=len(body), **more
    )
    found = answer.data
    assert isinstance(found, dict)
    return found


async def sent(played: Stage, url: str, body: bytes = PNG) -> int:
    async with played.http.post(url, data=body) as answer:
        return answer.status


async def kept(played: Stage, body: bytes = PNG) -> str:
    upload = await begun(played, body)
    assert await sent(played, upload["upload_url"], body) == 200
    await played.client.files_completeUploadExternal(files=[{"id": upload["file_id"]}])
    return str(upload["file_id"])


async def shown(played: Stage, file: str) -> None:
    image = {"type": "image", "alt_text": "a chart", "slack_file": {"id": file}}
    await played.client.chat_postMessage(channel=GENERAL, text="look", blocks=[image])


async def test_a_file_is_shown_by_a_message_once_it_was_worked_on(played: Stage) -> None:
    file = await kept(played)
    assert await played.seen("ana") == []  # it is in no channel
    answer = await refused(shown(played, file))
    assert answer["error"] == "invalid_blocks"
    assert answer["errors"] == ["invalid slack file [json-pointer:/blocks/0/slack_file]"]
    played.kernel.clock.advance(2)
    await shown(played, file)
    (message,) = await played.seen("ana")
    assert message["blocks"][0]["slack_file"] == {"id": file}
    async with played.http.get(f"{played.kernel.url}/slack/files/{file}") as found:
        assert (found.content_type, await found.read()) == ("image/png", PNG)


async def test_an_upload_url_is_good_for_one_use_within_its_time(played: Stage) -> None:
    upload = await begun(played)
    assert await sent(played, upload["upload_url"], b"too short") == 400
    assert await sent(played, upload["upload_url"]) == 200
    assert await sent(played, upload["upload_url"]) == 404
    late = await begun(played)
    played.kernel.clock.advance(3_700)
    assert await sent(played, late["upload_url"]) == 404


async def test_what_was_not_sent_or_is_complete_already_is_not_found(played: Stage) -> None:
    upload = await begun(played)
    files = [{"id": upload["file_id"]}]
    complete = played.client.files_completeUploadExternal
    assert (await refused(complete(files=files)))["error"] == "file_not_found"
    await sent(played, upload["upload_url"])
    elsewhere = complete(files=files, channel_id=RANDOM)
    assert (await refused(elsewhere))["error"] == "not_in_channel"  # nothing was completed by that
    await complete(files=files)
    assert (await refused(complete(files=files)))["error"] == "file_not_found"


async def test_what_is_no_image_or_too_much_is_refused(played: Stage) -> None:
    assert (await refused(begun(played, alt_txt="x" * 1_001)))["error"] == "alt_txt_too_large"
    text = await kept(played, b"just text")
    played.kernel.clock.advance(2)
    for file in (text, "F0NOSUCHFILE"):
        assert (await refused(shown(played, file)))["error"] == "invalid_blocks"


async def test_without_the_scope_there_is_no_file(played: Stage) -> None:
    poor = played.as_token(played.slack.grant("chat:write"))
    answer = await refused(poor.files_getUploadURLExternal(filename="a.png", length=3))
    assert (answer["error"], answer["needed"]) == ("missing_scope", "files:write")
