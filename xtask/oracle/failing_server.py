"""A third-party server that fails on demand, and says afterwards what its client did wrong: `llmock`.

Reads a line of faults from stdin, as JSON, and prints the server's URL. When stdin ends, it prints the server's report,
and exits with 1 if the client misbehaved, or if not all faults came up.
"""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

# Read by the server. At this pace a client that hangs up is seen to do so before the stream is over.
os.environ["LLMOCK_STREAM_CHUNK_DELAY_MS"] = "20"

from llmock.simulation import MockResponseSettings
from llmock.testing import LLMockServer

HTTP = urllib.request.build_opener(urllib.request.ProxyHandler({}))

# What a client does wrong that sends each request twice at once, and believes what it gets.
SPOILT = [
    ("retry_after_ignored", {"type": "fail", "status": 429, "retry_after": 9, "times": 2}),
    ("retried_non_retryable", {"type": "fail", "status": 400, "times": 2}),
    ("truncated_stream_accepted", {"type": "stream_fault", "kind": "truncate", "times": 2}),
    ("malformed_chunk_ignored", {"type": "stream_fault", "kind": "malformed", "times": 2}),
]


def main():
    faults = json.loads(sys.stdin.readline())
    with LLMockServer(responses=MockResponseSettings(response_style="static")) as server:
        missed = [f"the report misses {code}" for code, fault in SPOILT if code not in found(server.url, fault)]
        post(server.url, "/_llmock/reset", {})
        post(server.url, "/_llmock/scenario", {"behaviors": faults})
        print(server.url, flush=True)
        sys.stdin.read()
        told("the report finds spoilt clients", len(SPOILT), missed)
        absent = list(unseen(server.state, faults))
        told("all faults came up", len(faults), absent)
        # Warnings are misbehaviour too.
        report = [Path(sys.executable).with_name("llmock"), "report", "--strict", "--url", server.url]
        misbehaved = subprocess.run(report, env={**os.environ, "NO_PROXY": "*"}, timeout=60).returncode
    return 1 if missed or absent or misbehaved else 0


def told(name, count, faults):
    print("\n".join(f"FAIL {name}: {fault}" for fault in faults) or f"ok   {name} ({count})", flush=True)


def unseen(state, faults):
    """What did not come up, though it was asked for."""
    yield from map(str, state.scenarios.pending())
    # A stream may have been over before it was to break.
    breaking = [fault.get("times", 1) for fault in faults if fault["type"] in ("fail", "stream_fault")]
    broken = [record for record in state.journal.records(wait=2) if record.fault]
    if len(broken) != sum(breaking):
        yield f"{len(broken)} requests broke, not {sum(breaking)}"


def found(url, fault):
    """What the report has on a client that makes a request of this fault."""
    post(url, "/_llmock/reset", {})
    post(url, "/_llmock/scenario", {"behaviors": [fault]})
    asked = {"role": "user", "content": "Go on."}
    for _ in range(2):
        post(url, "/anthropic/v1/messages", {"model": "m", "max_tokens": 9, "stream": True, "messages": [asked]})
    with HTTP.open(f"{url}/_llmock/verdict", timeout=30) as verdict:
        return {finding["code"] for finding in json.load(verdict)["findings"]}


def post(url, path, body):
    asked = urllib.request.Request(url + path, json.dumps(body).encode(), {"content-type": "application/json"})
    try:
        with HTTP.open(asked, timeout=30) as response:
            response.read()
    except urllib.error.HTTPError as error:
        error.read()


if __name__ == "__main__":
    sys.exit(main())
