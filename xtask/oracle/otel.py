"""Whether a collector of OpenTelemetry reads the traces and metrics of agent-otel as they are meant.

usage: otel.py REASONS FOLDER COMMAND...

  REASONS  otel_names.json: the names of ours that the published list lacks, with the reason
  FOLDER   where what was read is kept, as JSON
  COMMAND  exports a run with three equal specialists; it gets a URL and the version of the names

Serves OTLP over HTTP, and reads what comes with OpenTelemetry's own messages. Prints a line for each
check, and exits with 1 if one failed.
"""

import copy
import json
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics
from opentelemetry.semconv.attributes import error_attributes, server_attributes
from opentelemetry.util import genai

# The version of the names whose list is published as a package, and the newer one.
LISTED, NEWER = "v1_41", "v0_1"

# The spans of the run, each under the one above that is less indented.
TREE = """\
invoke_agent main INTERNAL
  chat claude-test CLIENT
  chat claude-test CLIENT
""" + 3 * """\
  execute_tool adder INTERNAL
    invoke_agent adder INTERNAL
      chat claude-test CLIENT
      chat claude-test CLIENT
      execute_tool add INTERNAL
"""


class Collector(ThreadingHTTPServer):
    """Keeps the spans and metrics that it gets."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Receiver)
        self.spans, self.metrics, self.faults = [], [], []
        self.lock = threading.Lock()


class Receiver(BaseHTTPRequestHandler):
    """Takes one export."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        with self.server.lock:
            if self.headers["content-type"] != "application/x-protobuf":
                self.server.faults.append(f"the content type is {self.headers['content-type']}")
            if self.path == "/v1/traces":
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    for scope in resource.scope_spans:
                        self.server.spans.extend(span(one) for one in scope.spans)
            elif self.path == "/v1/metrics":
                for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                    for scope in resource.scope_metrics:
                        self.server.metrics.extend(metric(one) for one in scope.metrics)
            else:
                self.server.faults.append(f"nobody serves {self.path}")
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def span(one):
    """A span as plain data."""
    return {
        "name": one.name,
        "kind": MessageToDict(one).get("kind", "").removeprefix("SPAN_KIND_"),
        "id": one.span_id.hex(),
        "parent": one.parent_span_id.hex(),
        "trace": one.trace_id.hex(),
        "start": one.start_time_unix_nano,
        "end": one.end_time_unix_nano,
        "attributes": {a.key: value(a.value) for a in one.attributes},
        "error": one.status.message if one.status.code == 2 else None,
    }


def metric(one):
    """A metric as plain data."""
    kind = one.WhichOneof("data")
    points = getattr(one, kind).data_points
    names = sorted({a.key for point in points for a in point.attributes})
    return {"name": one.name, "unit": one.unit, "kind": kind, "attributes": names}


def value(one):
    """The value of an attribute."""
    kind = one.WhichOneof("value")
    if kind == "array_value":
        return [value(item) for item in one.array_value.values]
    return getattr(one, kind)


def constants(*modules):
    """All names that these modules list."""
    return {name for m in modules for key, name in vars(m).items() if key.isupper() and isinstance(name, str)}


def used():
    """The newer names that OpenTelemetry's own instrumentation uses. They are in no list yet."""
    texts = [path.read_text() for path in Path(genai.__file__).parent.glob("**/*.py")]
    return {name for text in texts for name in re.findall(r'"(gen_ai\.[a-z_.]+)"', text)}


def tree(spans):
    """The spans as an indented tree, with what is wrong with them."""
    faults, lines, ids = [], [], {one["id"]: one for one in spans}
    children = {}
    for one in spans:
        children.setdefault(one["parent"], []).append(one)
        if one["start"] > one["end"]:
            faults.append(f"{one['name']} ends before it starts")
        above = ids.get(one["parent"])
        if above and not above["start"] <= one["start"] <= one["end"] <= above["end"]:
            faults.append(f"{one['name']} is not within {above['name']}, in time")
        of, its = one["attributes"].get("gen_ai.conversation.id"), above and above["attributes"]
        call = its and f"{its.get('gen_ai.conversation.id')}/{its.get('gen_ai.tool.call.id')}"
        if above and of not in (its.get("gen_ai.conversation.id"), call):
            faults.append(f"{one['name']} of {of} is under {call}")

    def draw(parent, depth):
        for one in sorted(children.get(parent, []), key=lambda one: (one["name"], one["start"])):
            lines.append(f"{'  ' * depth}{one['name']} {one['kind']}")
            draw(one["id"], depth + 1)

    draw("", 0)
    if len({one["trace"] for one in spans}) != 1:
        faults.append("it is more than one trace")
    return "\n".join(lines) + "\n", faults


def judge(spans):
    """Yields what is wrong with the spans."""
    drawn, faults = tree(spans)
    yield from faults
    if drawn != TREE:
        yield f"the tree is\n{drawn}"
    for one in spans:
        attributes = one["attributes"]
        wanted = {"chat": "gen_ai.provider.name", "execute_tool": "gen_ai.tool.name"}
        for name in ["gen_ai.operation.name", wanted.get(one["name"].split()[0], "gen_ai.agent.name")]:
            if name not in attributes:
                yield f"{one['name']} has no {name}"
        for name in ["gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.tool.call.arguments"]:
            json.loads(attributes.get(name, "[]"))


def names_of(collector):
    """All names of attributes and metrics that came, except those with our prefix."""
    spans = {name for one in collector.spans for name in one["attributes"]}
    metrics = {name for one in collector.metrics for name in [one["name"], *one["attributes"]]}
    return {name for name in spans | metrics if not name.startswith("agent.")}


def strangers(version, collector, reasons):
    """Yields the names that neither the published list nor ours has, and what is listed in vain."""
    published = constants(gen_ai_attributes, gen_ai_metrics, error_attributes, server_attributes)
    published |= used() if version == NEWER else set()
    came = names_of(collector)
    for name in sorted(came - published - set(reasons[version])):
        yield f"{name} is neither published nor in otel_names.json"
    for name in sorted(set(reasons[version]) - (came - published)):
        yield f"{name} is in otel_names.json, and does not come or is published"


def spoilt(spans):
    """The spans with one mistake each."""
    def change(place, **fields):
        other = copy.deepcopy(spans)
        other[place].update(fields)
        return other

    by_name = {one["name"]: place for place, one in enumerate(spans)}
    call, helper = by_name["execute_tool adder"], by_name["invoke_agent adder"]
    others = [one["id"] for one in spans if one["name"] == "execute_tool adder"]
    wrong_call = next(one for one in others if one != spans[helper]["parent"])
    yield "a parent of another call", change(helper, parent=wrong_call)
    yield "another kind", change(call, kind="CLIENT")
    yield "another trace", change(call, trace="0")
    yield "an end before the start", change(call, end=0)
    yield "no attributes", change(by_name["chat claude-test"], attributes={})


def main(reasons, folder, *command):
    reasons = json.loads(Path(reasons).read_text())
    failed = 0

    def check(name, faults):
        nonlocal failed
        failed += bool(faults)
        print("\n".join(f"FAIL otel {name}: {fault}" for fault in faults) or f"ok   otel {name}", flush=True)

    for version in [LISTED, NEWER]:
        collector = Collector()
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{collector.server_port}"
        ended = subprocess.run([*command, url, version], check=False)
        collector.shutdown()
        check(f"{version}: the export", collector.faults + [f"it ended with {ended.returncode}"] * bool(ended.returncode))
        read = {"spans": collector.spans, "metrics": collector.metrics}
        Path(folder, f"otel-{version}.json").write_text(json.dumps(read, indent=1))
        check(f"{version}: {len(collector.spans)} spans", list(judge(collector.spans)))
        check(f"{version}: {len(names_of(collector))} names", list(strangers(version, collector, reasons)))
        for what, spans in spoilt(collector.spans):
            check(f"{version}: refuses {what}", [] if list(judge(spans)) else ["it was accepted"])
    return failed > 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
