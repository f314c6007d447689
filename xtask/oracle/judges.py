"""What is judged by which of the client's types."""

from anthropic.types import ErrorResponse, Message, MessageTokensCount, RawMessageStreamEvent
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming, MessageCreateParamsStreaming

import protocol
import stream
from strict import Judge

MESSAGE = Judge(Message)
ERROR = Judge(ErrorResponse)
TOKENS = Judge(MessageTokensCount)
EVENT = Judge(RawMessageStreamEvent)
UNARY = Judge(MessageCreateParamsNonStreaming, is_request=True)
STREAMED = Judge(MessageCreateParamsStreaming, is_request=True)


def request(body):
    """What is wrong with the body of a request."""
    if not isinstance(body, dict):
        return ["body: Input should be an object"]
    by_type = (STREAMED if body.get("stream") else UNARY).faults(body)
    # The protocol's rules are about what has the right types.
    return by_type or list(protocol.faults(body))


def reply(message):
    """What is wrong with a whole reply."""
    faults = MESSAGE.faults(message)
    return faults or ["it does not say why it stopped"] * (message["stop_reason"] is None)


def events(events):
    """What is wrong with a streamed reply."""
    return list(stream.faults(events, EVENT))
