"""What OpenAI's two APIs take and give, judged by the types of their official client, and by rules that types can't
express."""

import json
import re

from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
from openai.types.responses import Response, ResponseStreamEvent
from openai.types.responses.response_create_params import (
    ResponseCreateParamsNonStreaming,
    ResponseCreateParamsStreaming,
)
from openai.types.shared import ErrorObject

from strict import Judge

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
ERROR = Judge(ErrorObject)


class Api:
    """One of the two."""

    def __init__(self, path, whole, event, unary, streamed):
        self.path, self.by_whole, self.by_event = path, Judge(whole), Judge(event)
        self.requests = {False: Judge(unary, is_request=True), True: Judge(streamed, is_request=True)}

    def request(self, body):
        """What is wrong with the body of a request."""
        if not isinstance(body, dict):
            return ["body: Input should be an object"]
        by_type = self.requests[bool(body.get("stream"))].faults(body)
        return by_type or [*tools(body, self), *pairs(body)]

    def reply(self, reply):
        """What is wrong with a whole reply."""
        return self.by_whole.faults(typed(reply))

    def events(self, events):
        """What is wrong with a streamed reply. The last event of chat completions is `[DONE]`."""
        *events, last = events
        if self is CHAT:
            yield from ["it does not end with [DONE]"] * (last != "[DONE]")
        else:
            events.append(last)
            numbers = [event.get("sequence_number") for event in events]
            yield from ["its events are not numbered in order"] * (numbers != list(range(len(events))))
            ends = [event["type"] for event in events if event["type"] in ENDS]
            yield from [f"it ends with {ends}"] * (len(ends) != 1 or events[-1]["type"] != ends[0])
        for place, event in enumerate(events):
            if isinstance(event, dict) and "response" in event:
                event = {**event, "response": typed(event["response"])}
            yield from (f"event {place}: {fault}" for fault in self.by_event.faults(event))


# What the API writes in a response, though the types do not have it.
WRITTEN = ("store",)

# How a response ends.
ENDS = ("response.completed", "response.incomplete", "response.failed")

CHAT = Api(
    "/chat/completions",
    ChatCompletion,
    ChatCompletionChunk,
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
RESPONSES = Api(
    "/responses", Response, ResponseStreamEvent, ResponseCreateParamsNonStreaming, ResponseCreateParamsStreaming
)


def typed(response):
    return {name: value for name, value in response.items() if name not in WRITTEN}


def tools(body, api):
    """The names of the tools, and the choice between them."""
    known = [tool for tool in body.get("tools", []) if tool["type"] == "function"]
    names = [(tool["function"] if api is CHAT else tool)["name"] for tool in known]
    yield from (f"tools: several have the name {name!r}" for name in set(names) if names.count(name) > 1)
    yield from (f"tools: none may have the name {name!r}" for name in names if not NAME.fullmatch(name))
    choice = body.get("tool_choice")
    if choice and not body.get("tools"):
        yield "tool_choice: there are no tools"
    if isinstance(choice, dict) and choice.get("type") == "function":
        name = choice["function"]["name"] if api is CHAT else choice["name"]
        yield from [f"tool_choice: there is no tool {name!r}"] * (name not in names)


def pairs(body):
    """Each call has one result, after it."""
    open_calls = set()
    seen = set()
    for kind, id, at in steps(body):
        if kind == "call":
            yield from [f"{at}: the second call {id!r}"] * (id in seen)
            seen.add(id)
            open_calls.add(id)
        elif kind == "result":
            yield from [f"{at}: the result of {id!r} has no open call"] * (id not in open_calls)
            open_calls.discard(id)
        elif "messages" in body and open_calls:
            yield f"{at}: it comes before the results of {sorted(open_calls)}"
            open_calls.clear()
    yield from (f"the call {id!r} has no result" for id in sorted(open_calls))


def steps(body):
    """Calls, results, and whatever else comes between, in order."""
    for place, message in enumerate(body.get("messages", [])):
        at = f"messages.{place}"
        if message["role"] == "tool":
            yield "result", message["tool_call_id"], at
            continue
        yield "other", None, at
        for call in message.get("tool_calls") or []:
            yield "call", call["id"], at
            yield from input_faults(call["function"], at)
    items = body.get("input", [])
    for place, item in enumerate(items if isinstance(items, list) else []):
        kind = {"function_call": "call", "function_call_output": "result"}.get(item.get("type"), "other")
        yield kind, item.get("call_id"), f"input.{place}"
        if kind == "call":
            yield from input_faults(item, f"input.{place}")


def input_faults(call, at):
    """An input that is no object can't be a result's call."""
    try:
        is_object = isinstance(json.loads(call["arguments"]), dict)
    except ValueError:
        is_object = False
    if not is_object or not NAME.fullmatch(call["name"]):
        yield "result", f"of a call with {call['arguments']!r} to {call['name']!r}", at
