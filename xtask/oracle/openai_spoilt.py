"""Requests, replies and streams of OpenAI's APIs that are wrong in one place, as in `spoilt.py`."""

from openai_judges import CHAT, RESPONSES

SCHEMA = {"type": "object", "properties": {}}
FUNCTION = {"name": "sum", "description": "Adds.", "parameters": SCHEMA}
CALL = {"id": "call_1", "type": "function", "function": {"name": "sum", "arguments": "{}"}}

CHAT_REQUEST = {
    "model": "gpt-6.2-astra",
    "max_completion_tokens": 2000,
    "messages": [
        {"role": "system", "content": "Add."},
        {"role": "user", "content": "What is 1 + 2?"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "3"},
        {"role": "user", "content": [{"type": "text", "text": "Well?"}]},
    ],
    "tools": [{"type": "function", "function": FUNCTION}],
    "tool_choice": {"type": "function", "function": {"name": "sum"}},
}

CHAT_REQUESTS = [
    ("model", ..., "model: Field required"),
    ("max_output_tokens", 9, "max_output_tokens: Extra inputs"),
    ("stream", "yes", "stream"),
    ("messages.0.role", "robot", "'robot'"),
    ("messages.1.content", [{"type": "input_text", "text": "Hi."}], "'input_text'"),
    ("messages.2.tool_calls.0.function.arguments", {}, "valid string"),
    ("messages.2.tool_calls.0.function.arguments", "{", "no open call"),
    ("messages.2.tool_calls.0.index", 0, "index: Extra inputs"),
    ("messages.2.tool_calls", [CALL, CALL], "the second call 'call_1'"),
    ("messages.3", ..., "before the results of ['call_1']"),
    ("messages.3.tool_call_id", "call_2", "'call_2' has no open call"),
    ("messages.3.name", "sum", "name: Extra inputs"),
    ("messages.4", ..., None),
    ("tools", ..., "tool_choice: there are no tools"),
    ("tools.0.function.name", "my sum", "none may have the name 'my sum'"),
    ("tools.0.name", "sum", "name: Extra inputs"),
    ("tool_choice.function.name", "product", "there is no tool 'product'"),
]

RESPONSES_REQUEST = {
    "model": "gpt-6.2-astra",
    "max_output_tokens": 2000,
    "store": False,
    "include": ["reasoning.encrypted_content"],
    "instructions": "Add.",
    "input": [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "What is 1 + 2?"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gA=="},
        {"type": "function_call", "call_id": "call_1", "name": "sum", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "3"},
        {"type": "message", "role": "assistant", "content": "It is 3."},
    ],
    "tools": [{"type": "function", "strict": False, **FUNCTION}],
    "tool_choice": {"type": "function", "name": "sum"},
}

RESPONSES_REQUESTS = [
    ("max_tokens", 9, "max_tokens: Extra inputs"),
    ("include", ["thoughts"], "include"),
    ("input.0.role", "robot", "input.list.0.message"),
    ("input.0.content.0.type", "text", "content"),
    ("input.1.summary", ..., "summary: Field required"),
    ("input.1.signature", "x", "signature: Extra inputs"),
    ("input.2", ..., "'call_1' has no open call"),
    ("input.2.arguments", {}, "valid string"),
    ("input.2.arguments", "[]", "no open call"),
    ("input.2.index", 0, "index: Extra inputs"),
    ("input.3", ..., "the call 'call_1' has no result"),
    ("input.3.call_id", "call_2", "'call_2' has no open call"),
    ("input.3.is_error", True, "is_error: Extra inputs"),
    ("input.4", ..., None),
    ("tools.0.strict", ..., "strict: Field required"),
    ("tools.0.function", FUNCTION, "function: Extra inputs"),
    ("tool_choice.name", "product", "there is no tool 'product'"),
]

USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
MESSAGE = {"role": "assistant", "content": "It is 3.", "refusal": None}
COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-6.2-astra",
    "choices": [{"index": 0, "message": MESSAGE, "finish_reason": "stop", "logprobs": None}],
    "usage": USAGE,
}

COMPLETIONS = [
    ("id", ..., "id: Field required"),
    ("choices.0.finish_reason", "end_turn", "finish_reason: Input should be"),
    ("choices.0.message.role", "user", "role: Input should be 'assistant'"),
    ("choices.0.message.text", "3", "text: Extra inputs"),
    ("usage.input_tokens", 1, "input_tokens: Extra inputs"),
    ("usage.total_tokens", "3", "valid integer"),
]


def chunk(reason=None, **delta):
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


CHUNKS = [chunk(role="assistant", content=""), chunk(content="It is 3."), chunk("stop"), "[DONE]"]

CHAT_STREAMS = [
    ("0.object", "chunk", "event 0: object: Input should be"),
    ("1.choices.0.delta.text", "3", "text: Extra inputs"),
    ("1.choices.0.index", ..., "index: Field required"),
    ("2.choices.0.finish_reason", "end", "finish_reason: Input should be"),
    ("3", ..., "does not end with [DONE]"),
]

PART = {"type": "output_text", "text": "It is 3.", "annotations": []}
ITEM = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [PART]}
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1.0,
    "model": "gpt-6.2-astra",
    "status": "completed",
    "output": [ITEM],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "store": False,
}

WHOLE_RESPONSES = [
    ("id", ..., "id: Field required"),
    ("status", "done", "status: Input should be"),
    ("output.0.role", "user", "role: Input should be 'assistant'"),
    ("output.0.content.0.annotations", ..., "annotations: Field required"),
    ("output.0.type", "words", "'words'"),
    ("choices", [], "choices: Extra inputs"),
]

DELTA = {"item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": "It is 3.", "logprobs": []}
EVENTS = [
    {"type": "response.created", "sequence_number": 0, "response": {**RESPONSE, "status": "in_progress", "output": []}},
    {"type": "response.output_text.delta", "sequence_number": 1, **DELTA},
    {"type": "response.completed", "sequence_number": 2, "response": RESPONSE},
]

RESPONSE_STREAMS = [
    ("0.response.model", ..., "model: Field required"),
    ("1.type", "response.text.delta", "'response.text.delta'"),
    ("1.delta", ..., "delta: Field required"),
    ("1.text", "3", "text: Extra inputs"),
    ("1.sequence_number", 2, "not numbered in order"),
    ("2", ..., "it ends with []"),
    ("2.response.status", "done", "status: Input should be"),
]


def sets():
    """The sets of what is spoilt: its name, what is right, how it is spoilt, and who judges it."""
    yield "requests to chat completions", CHAT_REQUEST, CHAT_REQUESTS, CHAT.request
    yield "requests to the Responses API", RESPONSES_REQUEST, RESPONSES_REQUESTS, RESPONSES.request
    yield "chat completions", COMPLETION, COMPLETIONS, CHAT.reply
    yield "responses", RESPONSE, WHOLE_RESPONSES, RESPONSES.reply
    yield "streams of chat completions", CHUNKS, CHAT_STREAMS, lambda events: list(CHAT.events(events))
    yield "streams of responses", EVENTS, RESPONSE_STREAMS, lambda events: list(RESPONSES.events(events))
