"""Runs another program's server, on a free port.

usage: serve.py PATH COMMAND...

  PATH     what the server answers with success as soon as it serves, such as /health
  COMMAND  its program; {port} stands for the port

Prints the server's URL, and ends it when stdin ends. What it prints goes to stderr.
"""

import socket
import subprocess
import sys
import time
import urllib.request

# Straight to the server, whatever proxies there are.
HTTP = urllib.request.build_opener(urllib.request.ProxyHandler({}))

# The longest start, in seconds. LiteLLM reads half a gigabyte of Python, which takes minutes on a busy machine.
START = 900


def main(path, *command):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [word.replace("{port}", str(port)) for word in command]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr)
    try:
        wait(process, url + path)
        print(url, flush=True)
        sys.stdin.read()
    finally:
        process.terminate()
        process.wait()


def wait(process, url):
    """Waits until the server serves."""
    end = time.monotonic() + START
    while time.monotonic() < end:
        if process.poll() is not None:
            sys.exit(f"{process.args[0]} ended with {process.returncode}")
        try:
            with HTTP.open(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    sys.exit(f"no answer from {url} in {START} seconds")


if __name__ == "__main__":
    main(*sys.argv[1:])
