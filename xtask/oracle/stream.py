"""Event streams: how they are written, and in which order events come."""

import json

PIECES = {
    "text_delta": ["text"],
    "citations_delta": ["text"],
    "thinking_delta": ["thinking"],
    "signature_delta": ["thinking"],
    "input_json_delta": ["tool_use", "server_tool_use"],
}


def read(text):
    """The events of a stream as it was sent: each its name and its data."""
    *frames, rest = text.split("\n\n")
    assert rest == "", f"the stream ends within an event: {rest!r}"
    for frame in frames:
        lines = [line.split(": ", 1) for line in frame.split("\n")]
        assert [line[0] for line in lines] == ["event", "data"], f"not an event and its data: {frame!r}"
        yield lines[0][1], json.loads(lines[1][1])


def faults(events, judge):
    """What is wrong with a stream, a sentence each. `judge` knows the type of an event that is no ping."""
    order = Order()
    for place, (name, event) in enumerate(events):
        kind = event.get("type")
        found = [f"it is called {name}, but its type is {kind}"] * (name != kind)
        if kind != "ping":
            found += judge.faults(event)
        # What has not the right type can't be followed.
        found += [] if found else order.faults(event)
        yield from (f"event {place} ({name}): {fault}" for fault in found)
    yield from order.left()


class Order:
    """Where a stream is: before, in or after its message, and in which block of it."""

    def __init__(self):
        self.state = "before the message"
        self.blocks = []  # each its type, its input so far, and whether it is open

    def faults(self, event):
        kind = event["type"]
        wanted = {"message_start": "before the message", "message_stop": "after message_delta"}.get(kind, "in the message")
        if kind != "ping" and self.state != wanted:
            yield f"it came {self.state}, not {wanted}"
        yield from getattr(self, kind)(event)

    def left(self):
        if self.state != "after the message":
            yield f"the stream ends {self.state}"

    def ping(self, _):
        return []

    def message_start(self, event):
        self.state = "in the message"
        if event["message"]["content"] or event["message"]["stop_reason"]:
            yield "it has already content or a reason to stop"

    def content_block_start(self, event):
        block = event["content_block"]
        if any(is_open for _, _, is_open in self.blocks):
            yield "the block before is still open"
        if event["index"] != len(self.blocks):
            yield f"its index is {event['index']}, not {len(self.blocks)}"
        if block["type"] == "tool_use" and block["input"] != {}:
            yield "its input is for the pieces to bring"
        self.blocks.append([block["type"], "", True])

    def content_block_delta(self, event):
        kind, piece = event["delta"]["type"], event["delta"]
        block = yield from self.opened(event)
        if block and block[0] not in PIECES[kind]:
            yield f"a {kind} in a block of type {block[0]}"
        elif block and kind == "input_json_delta":
            block[1] += piece["partial_json"]

    def content_block_stop(self, event):
        block = yield from self.opened(event)
        if block:
            block[2] = False
            try:
                json.loads(block[1] or "{}")
            except ValueError as error:
                yield f"the input is no JSON: {error}: {block[1]!r}"

    def message_delta(self, event):
        self.state = "after message_delta"
        if event["delta"].get("stop_reason") is None:
            yield "it has no reason to stop"
        if any(is_open for _, _, is_open in self.blocks):
            yield "a block is still open"

    def message_stop(self, _):
        self.state = "after the message"
        return []

    def opened(self, event):
        index = event["index"]
        block = self.blocks[index] if 0 <= index < len(self.blocks) else None
        if block is None or not block[2]:
            yield f"block {index} is not open"
            return None
        return block
