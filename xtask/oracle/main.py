"""Whether what this project sends and answers is what the official client's types say: `cargo xtask oracle` runs it.

usage: main.py REQUESTS DEFAULT SCRIPTED RECORDED REPLIES OPENAI

  REQUESTS  a folder with a folder for each program, with the requests it sent, a file each
  DEFAULT   the URL of a server whose model calls the first tool it is offered
  SCRIPTED  the URL of a server that plays replies.json
  RECORDED  the URL of a server that answers with recorded streams
  REPLIES   a file with what our client made of each of them
  OPENAI    the same of OpenAI's two APIs, with the URL of a server that answers with recorded streams of each

Prints a line for each check, and exits with 1 if one failed.
"""

import json
import sys
from pathlib import Path

import anthropic
import openai

import client
import judges
import openai_judges
import openai_recorded
import openai_spoilt
import openai_wire
import recorded
import spoilt
import wire


class Report:
    """The checks so far."""

    def __init__(self):
        self.failed = 0

    def check(self, name, faults):
        """Prints how a check went. `faults()` yields what is wrong; what it raises is wrong too."""
        found = []
        try:
            for fault in faults():
                found.append(fault)
        except Exception as error:  # one check that breaks must not keep others from being made
            found.append(f"{type(error).__name__}: {error}")
        self.failed += bool(found)
        print("\n".join(f"FAIL {name}: {fault}" for fault in found) or f"ok   {name}", flush=True)


def main(requests, default, scripted, streams, read, read_openai):
    report = Report()
    for name, right, spoils, judge in [*spoilt.sets(), *openai_spoilt.sets()]:
        report.check(
            f"the judges refuse spoilt {name} ({len(spoils)})",
            lambda: spoilt.faults(right, spoils, judge),
        )
    sent = sum(program(report, folder) for folder in sorted(Path(requests).iterdir()))
    acts = list(client.checks(client.connect(default)))
    for name, act in acts:
        report.check(f"client: {name}", act)
    script = json.loads(Path(__file__).with_name("replies.json").read_text("utf-8"))
    replies = [*wire.checks(scripted, script), *openai_wire.checks(scripted, script)]
    for name, act in replies:
        report.check(f"reply: {name}", act)
    ours = json.loads(Path(read).read_text("utf-8"))
    for name, act in recorded.checks(streams, ours):
        report.check(f"recorded: {name}", act)
    openai_read = json.loads(Path(read_openai).read_text("utf-8"))
    for name, act in openai_recorded.checks(openai_read):
        report.check(f"recorded: {name}", act)

    streams_read = len(ours) + sum(len(recorded["replies"]) for recorded in openai_read.values())
    acted = f"{len(acts)} acts of the client, {len(replies)} replies"
    counts = f"{sent} requests, {acted}, {streams_read} recorded streams"
    verdict = f"FAILED: {report.failed}" if report.failed else "all conform"
    versions = f"anthropic {anthropic.__version__}, openai {openai.__version__}"
    print(f"oracle: {counts}: {verdict} ({versions})")
    return 1 if report.failed else 0


def program(report, folder):
    """Checks what a program sent, and returns how many requests that were."""
    files = sorted(folder.iterdir())
    if not files:
        print(f"-    requests: {folder.name} sends none")
        return 0

    # What goes to OpenAI's APIs is in folders of their own.
    judge = {"openai-chat": openai_judges.CHAT, "openai-responses": openai_judges.RESPONSES}.get(folder.name, judges)

    def faults():
        for file in files:
            for fault in judge.request(json.loads(file.read_text("utf-8"))):
                yield f"{file}: {fault}"

    report.check(f"requests: {folder.name} ({len(files)})", faults)
    return len(files)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
