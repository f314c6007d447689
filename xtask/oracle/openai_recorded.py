"""Streams of OpenAI's APIs, recorded by others: what we make of them, and what the official client does."""

import functools
import json
from pathlib import Path

from openai.lib.streaming.chat import ChatCompletionStreamState

import openai_wire

# Where we differ on purpose.
KNOWN = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))

# Our words for how a reply ends.
STOPS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "max_output_tokens": "max_tokens",
}

# Items that ask the program to do something that no client can do for it. We end with their name, so
# that a program does not take such a reply for an answer.
ASKING = ("custom_tool_call", "computer_call", "local_shell_call", "shell_call", "apply_patch_call")


def checks(read):
    """The name of each check and what does it, which yields faults. `read` has what our client made of each stream."""
    for api, recorded in read.items():
        for stream, replies in sorted(recorded["replies"].items()):
            yield f"{api}: {stream}", functools.partial(replayed, api, recorded["url"], stream, replies)
    streams = {stream for recorded in read.values() for stream in recorded["replies"]}
    yield "what is listed of OpenAI came up", lambda: (
        f"there is no stream {stream}" for row in KNOWN for stream in row["streams"] if stream not in streams
    )


def replayed(api, url, stream, replies):
    """A stream, which must be the same to both clients but for what is listed, and an error if its end is missing."""
    if replies["bytewise"] != replies["whole"]:
        yield f"byte by byte it is {replies['bytewise']}, at once {replies['whole']}"
    if replies["cut"].get("kind") is None:
        yield f"cut, it was taken for whole: {replies['cut']}"
    listed = [row["place"] for row in KNOWN if stream in row["streams"]]
    yield from faults((chat if api == "chat" else response)(url, stream), ours(replies["whole"]), listed)


def faults(official, ours, listed=()):
    """Where the two differ though they should not, or the other way round."""
    found = {place: (official[place], ours.get(place)) for place in official if official[place] != ours.get(place)}
    yield from (f"{place}: {one} officially, {other} by us" for place, (one, other) in found.items() if place not in listed)
    yield from (f"{place}: it no longer differs" for place in listed if place not in found)


def ours(reply):
    """What is compared of our client's reply."""
    if "kind" in reply:
        return {"error": reply}
    blocks, usage = reply["content"], reply["usage"]
    cached = usage.get("cache_read_input_tokens") or 0
    of = lambda kind: [block for block in blocks if block["type"] == kind]
    return {
        "id": reply.get("id"),
        "model": reply.get("model"),
        "words": "".join(block["text"] for block in of("text")),
        "calls": [(block["id"], block["name"], block["input"]) for block in of("tool_use")],
        "stop": reply["stop_reason"],
        "tokens": ((usage.get("input_tokens") or 0) + cached, cached, usage.get("output_tokens") or 0),
    }


def chat(url, stream):
    """What is compared of a chat completion as the official client puts it together."""
    state = ChatCompletionStreamState()
    reader = openai_wire.connect(url).with_options(base_url=f"{url}/whole/{stream}")
    for chunk in reader.chat.completions.create(model="m", messages=[], stream=True):
        state.handle_chunk(chunk)
    whole = state.current_completion_snapshot.to_dict(mode="json")
    choice, usage = whole["choices"][0], whole.get("usage") or {}
    message = choice["message"]
    calls = [(call["id"], call["function"]["name"], json.loads(call["function"]["arguments"] or "{}")) for call in message.get("tool_calls") or []]
    details = usage.get("prompt_tokens_details") or {}
    return {
        "id": whole["id"],
        "model": whole["model"],
        "words": (message.get("content") or "") + (message.get("refusal") or ""),
        "calls": calls,
        "stop": STOPS[choice["finish_reason"]],
        "tokens": (usage.get("prompt_tokens", 0), details.get("cached_tokens") or 0, usage.get("completion_tokens", 0)),
    }


def response(url, stream):
    """What is compared of a response as its last event has it, which the official client read."""
    reader = openai_wire.connect(url).with_options(base_url=f"{url}/whole/{stream}")
    *events, last = reader.responses.create(model="m", input="Go on.", stream=True)
    whole = last.response.to_dict(mode="json")
    # Some servers leave the items out at the end.
    done = [event.item.to_dict(mode="json") for event in events if event.type == "response.output_item.done"]
    items = whole["output"] or done
    parts = [part for item in items if item["type"] == "message" for part in item["content"]]
    calls = [item for item in items if item["type"] == "function_call"]
    calls = [(call["call_id"], call["name"], json.loads(call["arguments"])) for call in calls]
    reason = (whole.get("incomplete_details") or {}).get("reason") or ("tool_calls" if calls else "stop")
    asking = [item["type"] for item in items if item["type"] in ASKING]
    stop = asking[0] if asking and reason == "stop" else STOPS[reason]
    usage = whole["usage"]
    return {
        "id": whole["id"],
        "model": whole["model"],
        "words": "".join(part.get("text") or part.get("refusal") or "" for part in parts),
        "calls": calls,
        "stop": stop,
        "tokens": (usage["input_tokens"], usage["input_tokens_details"]["cached_tokens"], usage["output_tokens"]),
    }
