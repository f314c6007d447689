"""The official client at work against a server whose model calls the first tool it is offered."""

import anthropic
from anthropic.types import Message

import judges

TOOL = {
    "name": "weather",
    "description": "The weather in a city.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string", "enum": ["Oslo", "Rome"]}},
        "required": ["city"],
    },
}
ASKED = {"role": "user", "content": "How is the weather?"}
REQUEST = {"model": "claude-sonnet-5-5", "max_tokens": 100, "messages": [ASKED], "tools": [TOOL]}


def connect(url):
    """A client that asks once, and that no proxy keeps from this machine."""
    http = anthropic.DefaultHttpxClient(trust_env=False)
    return anthropic.Anthropic(base_url=url, api_key="any", max_retries=0, timeout=30, http_client=http)


def checks(client):
    """What the client is made to do: the name of each check and what does it, which yields faults."""
    yield "a call, its result, and an answer", lambda: conversation(client)
    yield "the same streamed", lambda: streamed(client)
    yield "the tool runner's loop, in a thread on the server", lambda: runner(client)
    yield "the tool runner's loop, with the whole history", lambda: runner(client, thread=False)
    yield "the tool runner's loop, streamed", lambda: runner(client, stream=True)
    yield "tokens are counted", lambda: count(client)
    yield "a malformed request is a typed error", lambda: malformed(client)
    yield "a lost thread is a typed error", lambda: lost_thread(client)


def conversation(client):
    return talk(lambda messages: client.messages.create(**{**REQUEST, "messages": messages}))


def streamed(client):
    def ask(messages):
        with client.messages.stream(**{**REQUEST, "messages": messages}) as stream:
            kinds = [event.type for event in stream]
            assert kinds[0] == "message_start" and kinds[-1] == "message_stop", kinds
            return stream.get_final_message()

    return talk(ask)


def talk(ask):
    """Asks, does what the reply calls for, and asks again."""
    call = ask([ASKED])
    yield from judges.reply(written(call))
    assert call.stop_reason == "tool_use", call.stop_reason
    (block,) = call.content
    assert (block.name, block.input) == ("weather", {"city": "Oslo"}), block
    result = {"type": "tool_result", "tool_use_id": block.id, "content": "sunny"}
    answer = ask([ASKED, call.to_param(), {"role": "user", "content": [result]}])
    yield from judges.reply(written(answer))
    assert (answer.stop_reason, answer.content[0].text) == ("end_turn", "The tools said: sunny"), answer


def runner(client, **options):
    cities = []

    @anthropic.beta_tool
    def weather(city: str) -> str:
        """The weather in a city.

        Args:
            city: The city.
        """
        cities.append(city)
        return "sunny"

    request = {**REQUEST, "tools": [weather]}
    last = client.beta.messages.tool_runner(**request, **options, max_iterations=5).until_done()
    yield from judges.reply(written(last))
    assert (cities, last.stop_reason) == (["text"], "end_turn"), (cities, last)
    assert last.content[0].text == "The tools said: sunny", last


def count(client):
    request = {key: value for key, value in REQUEST.items() if key != "max_tokens"}
    counted = client.messages.count_tokens(**request)
    yield from judges.TOKENS.faults(counted.to_dict())
    assert counted.input_tokens > 0, counted


def malformed(client):
    try:
        client.post("/v1/messages", cast_to=Message, body={**REQUEST, "messages": "no list"})
    except anthropic.BadRequestError as error:
        yield from judges.ERROR.faults(error.body)
        assert (error.type, error.request_id) == ("invalid_request_error", error.body["request_id"]), error
        assert error.api_message == "messages: Input should be a valid list", error
    else:
        yield "it was answered"


def lost_thread(client):
    thread = {"type": "continue", "previous_message_id": "msg_lost"}
    request = {key: value for key, value in REQUEST.items() if key != "tools"}
    try:
        client.post("/v1/messages", cast_to=Message, body={**request, "thread": thread})
    except anthropic.NotFoundError as error:
        assert error.error_code == "thread_not_found", error
    else:
        yield "it was answered"


def written(message):
    """A message that the client read, as JSON."""
    return message.to_dict(mode="json")
