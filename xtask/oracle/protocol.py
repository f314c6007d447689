"""What the API wants of a request that types can't say: what belongs together, and what must not be blank."""

import re

NAME = re.compile(r"[a-zA-Z0-9_-]+")

# Who alone may say a block of this type.
SPEAKER = {"tool_use": "assistant", "tool_result": "user"}


def faults(body):
    """What is wrong with a request whose types are right, a sentence each."""
    return [*messages(body), *speeches(body), *tools(body), *thinking(body)]


def messages(body):
    """Each message by itself."""
    if not body["messages"]:
        yield "messages: there is none"
    ids = set()
    for index, message in enumerate(body["messages"]):
        at = f"messages.{index}"
        is_last = index == len(body["messages"]) - 1
        begun = is_last and message["role"] == "assistant"
        content = blocks(message)
        if not content and not begun:
            yield f"{at}: it has no content"
        for place, block in enumerate(content):
            if SPEAKER.get(block["type"], message["role"]) != message["role"]:
                yield f"{at}.content.{place}: no {block['type']} is said by the {message['role']}"
            yield from (f"{at}.content.{place}: {fault}" for fault in block_faults(block, ids))
        if begun and content and content[-1].get("text", "") != content[-1].get("text", "").rstrip():
            yield f"{at}: what the reply begins with ends in a space"
    for place, block in enumerate(texts(body.get("system", ""))):
        yield from (f"system.{place}: {fault}" for fault in block_faults(block, ids))


def block_faults(block, ids):
    kind = block["type"]
    if kind == "text" and not block["text"].strip():
        yield "its text is blank"
    elif kind == "thinking" and not block["signature"]:
        yield "thinking without a signature"
    elif kind == "tool_result" and block.get("is_error") and not block.get("content"):
        yield "an error that says nothing"
    elif kind == "tool_use":
        if not NAME.fullmatch(block["id"]):
            yield f"no tool_use may have the id {block['id']!r}"
        if block["id"] in ids:
            yield f"the second tool_use with the id {block['id']!r}"
        ids.add(block["id"])


def speeches(body):
    """Messages of one role in a row are one speech. Each call has its result at the start of the next speech."""
    said = []
    for message in body["messages"]:
        if said and said[-1][0] == message["role"]:
            said[-1][1].extend(blocks(message))
        elif message["role"] != "system":
            said.append((message["role"], list(blocks(message))))
    if said and said[0][0] != "user":
        yield "messages: the first is not the user's"
    for (_, before), (role, after) in zip([("", []), *said], [*said, ("", [])]):
        calls = [block["id"] for block in before if block["type"] == "tool_use"]
        results = [block["tool_use_id"] for block in after if block["type"] == "tool_result"]
        yield from (f"tool_use {call!r} has no tool_result in the next message" for call in calls if call not in results)
        yield from (f"tool_result {call!r} has no tool_use in the message before" for call in results if call not in calls)
        yield from (f"tool_use {call!r} has several results" for call in set(results) if results.count(call) > 1)
        if any(block["type"] != "tool_result" for block in after[: len(results)]):
            yield "something comes before a tool_result"


def tools(body):
    """The tools, the choice between them, and whether there are some if there were calls."""
    known = body.get("tools", [])
    names = [tool["name"] for tool in known if "name" in tool]
    yield from (f"tools: several have the name {name!r}" for name in set(names) if names.count(name) > 1)
    for tool in known:
        if "input_schema" not in tool:
            continue
        if not NAME.fullmatch(tool["name"]) or len(tool["name"]) > 128:
            yield f"tools: none may have the name {tool['name']!r}"
        if tool["input_schema"].get("type") != "object":
            yield f"tools: the input of {tool['name']!r} is no object"
    choice = body.get("tool_choice", {})
    if choice and not known:
        yield "tool_choice: there are no tools"
    elif choice.get("type") == "tool" and choice["name"] not in names:
        yield f"tool_choice: there is no tool {choice['name']!r}"
    used = {block["type"] for message in body["messages"] for block in blocks(message)}
    if not known and used & {"tool_use", "tool_result"}:
        yield "tools: there are calls or results, but no tools"


def thinking(body):
    """The budget for thinking, and the marks for the cache."""
    config = body.get("thinking", {})
    if config.get("type") == "enabled":
        budget = config["budget_tokens"]
        if not 1024 <= budget < body.get("max_tokens", budget + 1):
            yield f"thinking: a budget of {budget} is not from 1024 to less than max_tokens"
        if body.get("tool_choice", {}).get("type") in ("any", "tool"):
            yield "thinking: no tool can be forced together with it"
    if marks(body) > 4:
        yield f"cache_control: {marks(body)} marks, the most is 4"


def marks(body):
    """How many places are marked for the cache."""
    said = [block for message in body["messages"] for block in blocks(message)]
    inner = [block for result in said if result["type"] == "tool_result" for block in texts(result.get("content", ""))]
    places = [body, *texts(body.get("system", "")), *body.get("tools", []), *said, *inner]
    return sum(bool(place.get("cache_control")) for place in places)


def blocks(message):
    return texts(message["content"])


def texts(content):
    """A content as blocks; words stand for a block of text."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return content
