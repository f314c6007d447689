"""The replies of a script, as they are on the wire: whole and streamed, those that fail too."""

import functools
import itertools
import json
import urllib.error
import urllib.request

import anthropic

import client
import judges
import stream

# Straight to the server, whatever proxies there are.
HTTP = urllib.request.build_opener(urllib.request.ProxyHandler({}))
HEADERS = {"content-type": "application/json", "x-api-key": "any", "anthropic-version": "2026-10-21"}


def checks(url, script):
    """For each part of a script, the name of a check and what does it, which yields faults."""
    reader = client.connect(url)
    for part in script["agents"]:
        marker, (reply,) = part["marker"], part["replies"]
        judge = failure if "error" in reply else answer
        yield marker, functools.partial(judge, url, reader, marker, reply)


def answer(url, reader, marker, reply):
    """A reply, which must be the same whole, streamed, and as the client puts the stream together."""
    status, whole = post(url, marker)
    assert status == 200, (status, whole)
    message = json.loads(whole)
    yield from judges.reply(message)
    for said, written in itertools.zip_longest(message["content"], reply["content"], fillvalue={}):
        if written.get("id") == "":
            written = {**written, "id": said["id"]}
        assert said == written, (said, written)
    assert message["stop_reason"] == reply.get("stop_reason", message["stop_reason"]), message

    status, streamed = post(url, marker, stream=True)
    assert status == 200, (status, streamed)
    yield from judges.events(list(stream.read(streamed)))

    with reader.messages.stream(**request(marker)) as events:
        gathered = client.written(events.get_final_message())
    yield from judges.reply(gathered)
    for field in ("content", "stop_reason", "stop_sequence", "usage"):
        if gathered[field] != message[field]:
            yield f"{field} differs: {gathered[field]} streamed, {message[field]} whole"


def failure(url, reader, marker, reply):
    """An error, which must be the client's exception of the marker's name."""
    for streamed in (False, True):
        _, body = post(url, marker, stream=streamed)
        yield from judges.ERROR.faults(json.loads(body))
        try:
            reader.messages.create(**request(marker), stream=streamed)
            yield "it was answered"
        except anthropic.APIStatusError as error:
            found = (f"[{type(error).__name__}]", error.api_message)
            assert found == (marker, reply["error"]["message"]), found


def request(marker):
    asked = {"role": "user", "content": "Go on."}
    return {"model": "m", "max_tokens": 9, "system": marker, "messages": [asked], "stop_sequences": ["two"]}


def post(url, marker, **fields):
    """Sends a request as it is, and returns status and body of the response."""
    body = json.dumps({**request(marker), **fields}).encode()
    asked = urllib.request.Request(f"{url}/v1/messages", body, HEADERS)
    try:
        with HTTP.open(asked, timeout=30) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
