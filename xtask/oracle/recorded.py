"""The streams recorded in the official client's source: what we make of them, and what that client does."""

import functools
import json
from pathlib import Path

import client

# Data: fields of a message that a reply of ours has not, and where we differ on purpose.
KNOWN = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))
NOT_KEPT = KNOWN["not_kept"]

# Both clients read these; ours also reads each stream byte by byte.
WAYS = ("whole", "cut")


def checks(url, ours):
    """The name of each check and what does it, which yields faults. `ours` has what our client made of each stream."""
    for stream, replies in sorted(ours.items()):
        yield stream, functools.partial(replayed, url, stream, replies)
    yield "what is listed came up", functools.partial(unused, url, ours)


def replayed(url, stream, replies):
    """A stream, which must be the same to both clients but for what is listed."""
    if replies["bytewise"] != replies["whole"]:
        yield f"byte by byte it is {replies['bytewise']}, at once {replies['whole']}"
    for way in WAYS:
        listed = [row["place"] for row in KNOWN["differs"] if row["way"] == way and stream in row["streams"]]
        for fault in faults(official(url, way, stream), replies[way], listed):
            yield f"{way}: {fault}"


def unused(url, ours):
    """What is listed for no stream that there is."""
    read = [official(url, "whole", stream) for stream in ours]
    places = {place for message in read for place, _ in flat(message)}
    yield from (f"no message has {place}: take it off not_kept" for place in NOT_KEPT if place not in places)
    for row in KNOWN["differs"]:
        yield from (f"there is no stream {stream}" for stream in row["streams"] if stream not in ours)


@functools.cache
def official(url, way, stream):
    """The message that the official client makes of a stream, or its error."""
    messages = connect(url).with_options(base_url=f"{url}/{way}/{stream}").beta.messages
    try:
        with messages.stream(model="m", max_tokens=9, messages=[client.ASKED]) as events:
            return client.written(events.get_final_message())
    except ValueError as error:  # all that it raises when it can't follow a stream
        return {"error": str(error)}


connect = functools.cache(client.connect)


def faults(official, ours, listed=()):
    """Where the two differ though they should not, or the other way round."""
    found = dict(differences(official, ours))
    yield from (f"{place}: {told}" for place, told in found.items() if place not in listed)
    yield from (f"{place}: it no longer differs" for place in listed if place not in found)


def differences(official, ours):
    """Each place where they differ, and how."""
    if "error" in official or "kind" in ours:
        if "kind" not in ours:
            yield "the official error", official["error"]
        elif "error" not in official:
            yield "our error", ours["message"]
        return
    theirs, kept = dict(flat(official)), dict(flat(ours))
    for place in {**theirs, **kept}:
        # In content, null is not the same as nothing.
        nothing = ... if place.startswith("content") else None
        one, other = theirs.get(place, nothing), kept.get(place, nothing)
        if place in NOT_KEPT:
            if place in kept:
                yield place, "we keep it: take it off not_kept"
        elif not same(place, one, other):
            yield place, f"{one} officially, {other} by us"


def same(place, official, ours):
    """Whether two values are equal. What is null or empty may be missing, as a count that is 0 may; not so in content."""
    if place.startswith("content"):
        return official == ours
    if place.startswith("usage"):
        official, ours = counted(official), counted(ours)
    return official == ours or not (official or ours)


def counted(value):
    """A part of a usage without what is 0 or missing in it."""
    if not isinstance(value, dict):
        return value
    parts = {name: counted(part) for name, part in value.items()}
    return {name: part for name, part in parts.items() if part}


def flat(message):
    """The fields of a message, of its usage, and of its blocks, with their places."""
    for field, value in message.items():
        if field == "usage":
            yield from ((f"usage.{name}", count) for name, count in value.items())
        elif field == "content":
            for index, block in enumerate(value):
                yield from ((f"content.{index}.{name}", part) for name, part in block.items())
        else:
            yield field, value
