"""Requests, replies and streams that are wrong in one place: a judge that takes one of them judges nothing."""

import copy
import json

import judges
import recorded

CALL = {"type": "tool_use", "id": "call_1", "name": "sum", "input": {"numbers": [1, 2]}}
RESULT = {"type": "tool_result", "tool_use_id": "call_1", "content": [{"type": "text", "text": "3"}]}
TOOL = {"name": "sum", "description": "Adds.", "input_schema": {"type": "object", "properties": {}}}
TEXT = {"type": "text", "text": "It is 3."}
THINKING = {"type": "enabled", "budget_tokens": 1024}
MARKED = {"type": "text", "text": "Hi.", "cache_control": {"type": "ephemeral"}}

REQUEST = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 2000,
    "system": [{"type": "text", "text": "Add."}],
    "messages": [
        {"role": "user", "content": "What is 1 + 2?"},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "Add.", "signature": "c2ln"}, CALL]},
        {"role": "user", "content": [RESULT, {"type": "text", "text": "Well?"}]},
        {"role": "assistant", "content": [TEXT]},
        {"role": "user", "content": "Thanks."},
    ],
    "tools": [TOOL],
    "tool_choice": {"type": "auto"},
}

# Where a request is spoilt, with what (`...`: it is taken out), and words of the complaint.
REQUESTS = [
    ("max_tokens", ..., "max_tokens: Field required"),
    ("max_tokens", "2000", "valid integer"),
    ("temperature", 1, "Extra inputs"),
    ("stream", "yes", "Input should be"),
    ("system", 1, "system"),
    ("system.0.text", " ", "system.0: its text is blank"),
    ("stop_sequences", "one", "valid array"),
    ("thinking", {"type": "enabled"}, "budget_tokens: Field required"),
    ("thinking", {**THINKING, "budget_tokens": 2000}, "thinking: a budget of 2000"),
    ("messages", [], "there is none"),
    ("messages.0", ..., "the first is not the user's"),
    ("messages.0.role", "robot", "'robot'"),
    ("messages.0.content", "", "messages.0: it has no content"),
    ("messages.0.content", " \n", "messages.0.content.0: its text is blank"),
    ("messages.0.content", [CALL], "no tool_use is said by the user"),
    ("messages.0.content", [MARKED] * 5, "5 marks"),
    ("messages.1.content", [], "messages.1: it has no content"),
    ("messages.1.content.0.signature", ..., "signature: Field required"),
    ("messages.1.content.0.signature", "", "thinking without a signature"),
    ("messages.1.content.1", ..., "'call_1' has no tool_use"),
    ("messages.1.content.1", [], "messages.1"),
    ("messages.1.content.1.type", "tool_used", "'tool_used'"),
    ("messages.1.content.1.id", "call 1", "may have the id 'call 1'"),
    ("messages.1.content.1.input", "{}", "input: Input should be an object"),
    ("messages.1.content.1.index", 0, "index: Extra inputs"),
    ("messages.2", ..., "'call_1' has no tool_result"),
    ("messages.2.content.0", ..., "'call_1' has no tool_result"),
    ("messages.2.content.0.tool_use_id", "call_2", "'call_2' has no tool_use"),
    ("messages.2.content.0.content", [CALL], "'tool_use'"),
    ("messages.2.content.0.name", "sum", "name: Extra inputs"),
    ("messages.2.content.0", {**RESULT, "content": "", "is_error": True}, "an error that says nothing"),
    ("messages.2.content", [RESULT, RESULT], "several results"),
    ("messages.2.content", [TEXT, RESULT], "something comes before"),
    ("messages.3.content", [RESULT], "no tool_result is said by the assistant"),
    ("messages.3.content", [CALL], "the second tool_use with the id 'call_1'"),
    ("messages.4", ..., None),
    ("messages.4.role", "assistant", None),
    ("messages.4", {"role": "assistant", "content": "So "}, "ends in a space"),
    ("tools", ..., "there are calls or results, but no tools"),
    ("tools", [TOOL, TOOL], "several have the name 'sum'"),
    ("tools.0.name", ..., "name: Field required"),
    ("tools.0.name", "my sum", "none may have the name 'my sum'"),
    ("tools.0.type", "function", "'function'"),
    ("tools.0.input_schema", {}, "is no object"),
    ("tools.0.parameters", {}, "parameters: Extra inputs"),
    ("tool_choice", {"type": "tool"}, "name: Field required"),
    ("tool_choice", {"type": "tool", "name": "product"}, "there is no tool 'product'"),
]

REPLY = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-5-5",
    "content": [TEXT, CALL],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 2},
}

REPLIES = [
    ("id", ..., "id: Field required"),
    ("type", "reply", "'message'"),
    ("content.0.type", "words", "'words'"),
    ("content.1.input", ..., "input: Field required"),
    ("content.1.arguments", {}, "arguments: Extra inputs"),
    ("stop_reason", "tool_calls", "stop_reason: Input should be"),
    ("stop_reason", None, "why it stopped"),
    ("usage.input_tokens", "1", "valid integer"),
    ("usage.tokens", 3, "tokens: Extra inputs"),
]


def event(kind, **fields):
    return {"type": kind, **fields}


EVENTS = [
    event("message_start", message={**REPLY, "content": [], "stop_reason": None}),
    event("ping"),
    event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
    event("content_block_delta", index=0, delta={"type": "text_delta", "text": "It is 3."}),
    event("content_block_stop", index=0),
    event("content_block_start", index=1, content_block={**CALL, "input": {}}),
    event("content_block_delta", index=1, delta={"type": "input_json_delta", "partial_json": '{"numbers":[1,'}),
    event("content_block_delta", index=1, delta={"type": "input_json_delta", "partial_json": "2]}"}),
    event("content_block_stop", index=1),
    event("message_delta", delta={"stop_reason": "tool_use", "stop_sequence": None}, usage={"output_tokens": 2}),
    event("message_stop"),
]

STREAMS = [
    ("0", ..., "it came before the message"),
    ("0", EVENTS[1], "it came before the message"),
    ("0.message.content", [TEXT], "already content"),
    ("0.message.model", ..., "model: Field required"),
    ("1", EVENTS[0], "it came in the message"),
    ("2", ..., "block 0 is not open"),
    ("2.index", 1, "its index is 1, not 0"),
    ("3.delta", {"type": "thinking_delta", "thinking": "3"}, "a thinking_delta in a block of type text"),
    ("3.delta.type", "word_delta", "'word_delta'"),
    ("3.index", 1, "block 1 is not open"),
    ("4", ..., "the block before is still open"),
    ("5.content_block.input", {"numbers": []}, "for the pieces to bring"),
    ("7", ..., "the input is no JSON"),
    ("8", ..., "a block is still open"),
    ("9", ..., "it came in the message, not after message_delta"),
    ("9.delta.stop_reason", None, "it has no reason to stop"),
    ("9.usage", ..., "usage: Field required"),
    ("9.usage.output_tokens", None, "valid integer"),
    ("10", ..., "the stream ends after message_delta"),
    ("10", EVENTS[9], "it came after message_delta"),
]


# What the official client makes of a stream, what we do, and what we could make of it wrongly.
OFFICIAL = {
    **REPLY,
    "stop_details": None,
    "usage": {"input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": 3, "service_tier": "standard"},
}
COUNTS = {**OFFICIAL["usage"], "cache_creation_input_tokens": 0}
OURS = {
    "id": "msg_1",
    "model": "claude-sonnet-5-5",
    "content": [TEXT, CALL],
    "stop_reason": "tool_use",
    "usage": COUNTS,
}
ERROR = {"kind": "incomplete", "message": "it broke off"}

RECORDED = [
    ("ours.id", "msg_2", "id: msg_1 officially, msg_2 by us"),
    ("ours.model", ..., "model:"),
    ("ours.stop_reason", "end_turn", "stop_reason:"),
    ("ours.stop_details", {"type": "refusal"}, "stop_details:"),
    ("ours.stop_sequence", "END", "stop_sequence:"),
    ("ours.stop_sequence", None, None),
    ("ours.role", "assistant", "role: we keep it"),
    ("ours.container", {"id": "c"}, "container: None officially"),
    ("ours.content.0", ..., "content.1.id:"),
    ("ours.content.0.text", "It is 4.", "content.0.text:"),
    ("ours.content.0.citations", [], "content.0.citations:"),
    ("ours.content.1.caller", None, "content.1.caller:"),
    ("ours.content.1.input.numbers", [2, 1], "content.1.input:"),
    ("ours.content.1.input", ..., "content.1.input:"),
    ("ours.usage.output_tokens", 1, "usage.output_tokens: 2 officially, 1 by us"),
    ("ours.usage.cache_read_input_tokens", 0, "usage.cache_read_input_tokens:"),
    ("ours.usage.cache_creation_input_tokens", 1, "usage.cache_creation_input_tokens:"),
    ("ours.usage.service_tier", ..., "usage.service_tier: standard officially"),
    ("ours.usage.server_tool_use", {"web_search_requests": 1}, "usage.server_tool_use:"),
    ("ours.usage.server_tool_use", {"web_search_requests": 0}, None),
    ("ours", ERROR, "our error: it broke off"),
    ("official", {"error": "no"}, "the official error: no"),
    ("official.usage.output_tokens_sung", 7, "usage.output_tokens_sung: 7 officially"),
    ("listed", ["content.1.input"], "content.1.input: it no longer differs"),
]


def named(events):
    return [(event["type"], event) for event in events]


def sets():
    """The sets of what is spoilt: its name, what is right, how it is spoilt, and who judges it."""
    yield "requests", REQUEST, REQUESTS, judges.request
    yield "replies", REPLY, REPLIES, judges.reply
    yield "streams", EVENTS, STREAMS, lambda events: judges.events(named(events))
    # Copied, or spoiling the one would spoil the other.
    both = {"official": OFFICIAL, "ours": copy.deepcopy(OURS), "listed": []}
    yield "replies to recorded streams", both, RECORDED, lambda both: list(recorded.faults(**both))


def faults(right, spoils, judge):
    """What the judge takes though it is wrong, or the other way round. A complaint of `None` means it is right."""
    yield from (f"refused, though right: {fault}" for fault in judge(right))
    for place, value, complaint in spoils:
        found = judge(spoil(right, place, value))
        told = "; ".join(found)
        is_right = complaint in told if complaint else not found
        if not is_right:
            yield f"{place} = {json.dumps(value, default=str)}: expected {complaint!r}, found {told!r}"


def spoil(right, place, value):
    """A copy that has this value at this place."""
    wrong = copy.deepcopy(right)
    *way, last = [int(step) if step.isdigit() else step for step in place.split(".")]
    inner = wrong
    for step in way:
        inner = inner[step]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return wrong
