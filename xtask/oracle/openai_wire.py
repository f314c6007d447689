"""The replies of a script over OpenAI's two APIs: whole, streamed, and as the official client reads them."""

import functools
import json
import urllib.error
import urllib.request

import openai

from openai_judges import CHAT, ERROR, RESPONSES

# Straight to the server, whatever proxies there are.
HTTP = urllib.request.build_opener(urllib.request.ProxyHandler({}))
HEADERS = {"content-type": "application/json", "authorization": "Bearer any"}

# What these APIs have no form for: blocks that only Claude's server writes. Reasoning in chat completions is other
# servers' invention.
WITHOUT = {CHAT: ("[thinking]", "[reasoning]", "[search]", "[paused]"), RESPONSES: ("[thinking]", "[search]", "[paused]")}


def connect(url):
    """A client that asks once, and that no proxy keeps from this machine."""
    http = openai.DefaultHttpxClient(trust_env=False)
    return openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0, timeout=30, http_client=http)


def checks(url, script):
    """For each API and part of a script, the name of a check and what does it, which yields faults."""
    reader = connect(url)
    for api in (CHAT, RESPONSES):
        for part in script["agents"]:
            marker, (reply,) = part["marker"], part["replies"]
            if marker not in WITHOUT[api]:
                judge = failure if "error" in reply else answer
                yield f"{api.path}: {marker}", functools.partial(judge, api, url, reader, marker, reply)


def answer(api, url, reader, marker, reply):
    """A reply, which must be the same whole, streamed, and as the client puts the stream together."""
    status, whole = post(api, url, marker)
    assert status == 200, (status, whole)
    whole = json.loads(whole)
    yield from api.reply(whole)

    status, streamed = post(api, url, marker, stream=True)
    assert status == 200, (status, streamed)
    yield from api.events(list(read(streamed)))

    gathered = (gathered_chat if api is CHAT else gathered_response)(reader, marker)
    for place, one, other in differences(api, whole, gathered):
        yield f"{place} differs: {other} streamed, {one} whole"
    said = "".join(block["text"] for block in reply["content"] if block["type"] == "text")
    if texts(api, whole) != said:
        yield f"it says {texts(api, whole)!r}, not {said!r}"


def gathered_chat(reader, marker):
    body = request(CHAT, marker)
    with reader.chat.completions.stream(**body, stream_options={"include_usage": True}) as events:
        try:
            return events.get_final_completion().to_dict(mode="json")
        except openai.LengthFinishReasonError as error:  # it parses nothing that was cut
            return error.completion.to_dict(mode="json")
        except openai.ContentFilterFinishReasonError:  # nor what was refused
            return events.current_completion_snapshot.to_dict(mode="json")


def gathered_response(reader, marker):
    with reader.responses.stream(**request(RESPONSES, marker)) as events:
        *_, last = events
        return last.response.to_dict(mode="json")


def differences(api, whole, gathered):
    """Where a gathered reply differs from a whole one: not in ids and moments, and what is null may be missing."""
    if api is CHAT:
        (one,), (other,) = whole["choices"], gathered["choices"]
        one, other = ({**choice, **choice["message"], "message": None} for choice in (one, other))
        one, other = ({**choice, "tool_calls": calls(choice)} for choice in (one, other))
        names = ("content", "refusal", "role", "tool_calls", "finish_reason")
    else:
        one, other = whole, gathered
        one, other = ({**reply, "output": output(reply)} for reply in (one, other))
        names = ("output", "status", "incomplete_details", "error")
    one, other = {**one, "usage": whole["usage"]}, {**other, "usage": gathered["usage"]}
    for name in (*names, "usage"):
        # Words that are not there.
        if (one.get(name) or None) != (other.get(name) or None):
            yield name, one.get(name), other.get(name)


def calls(choice):
    return [
        (call["type"], call["id"], call["function"]["name"], call["function"]["arguments"])
        for call in choice.get("tool_calls") or []
    ]


def output(response):
    """The items without their ids, and without what the client adds to what it parsed."""
    drop = ("id", "parsed", "parsed_arguments")
    bare = lambda part: {name: value for name, value in part.items() if name not in drop and value is not None}
    items = [bare(item) for item in response["output"]]
    for item in items:
        if isinstance(item.get("content"), list):
            item["content"] = [bare(part) for part in item["content"]]
    return items


def texts(api, whole):
    if api is CHAT:
        message = whole["choices"][0]["message"]
        return message["content"] or message["refusal"] or ""
    parts = [part for item in whole["output"] if item["type"] == "message" for part in item["content"]]
    return "".join(part.get("text") or part.get("refusal") or "" for part in parts)


def failure(api, url, reader, marker, reply):
    """An error, which must be an exception of the client with its words."""
    for streamed in (False, True):
        _, body = post(api, url, marker, stream=streamed)
        yield from ERROR.faults(json.loads(body)["error"])
        create = reader.chat.completions.create if api is CHAT else reader.responses.create
        try:
            create(**request(api, marker), stream=streamed)
            yield "it was answered"
        except openai.APIStatusError as error:
            expected = (reply["error"]["message"], status_of(api, url, marker))
            found = (error.body["message"], error.status_code)
            assert found == expected, (found, expected)


def status_of(api, url, marker):
    return post(api, url, marker)[0]


def request(api, marker):
    if api is CHAT:
        system, asked = {"role": "system", "content": marker}, {"role": "user", "content": "Go on."}
        return {"model": "m", "messages": [system, asked]}
    return {"model": "m", "instructions": marker, "input": "Go on.", "include": ["reasoning.encrypted_content"]}


def read(text):
    """The events of a stream as it was sent."""
    *frames, rest = text.split("\n\n")
    assert rest == "", f"the stream ends within an event: {rest!r}"
    for frame in frames:
        fields = dict(line.split(": ", 1) for line in frame.split("\n"))
        event = fields["data"] if fields["data"] == "[DONE]" else json.loads(fields["data"])
        assert "event" not in fields or fields["event"] == event["type"], frame
        yield event


def post(api, url, marker, **fields):
    """Sends a request as it is, and returns status and body of the response."""
    if fields.get("stream") and api is CHAT:
        fields["stream_options"] = {"include_usage": True}
    body = json.dumps({**request(api, marker), **fields}).encode()
    asked = urllib.request.Request(f"{url}/v1{api.path}", body, HEADERS)
    try:
        with HTTP.open(asked, timeout=30) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
