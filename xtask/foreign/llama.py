"""llama.cpp's server, with a small model that is shown how to call tools.

usage: llama.py MODEL_FOLDER TEMPLATE

Prints the server's URL, and ends when stdin does.
"""

import sys
from pathlib import Path

import xllamacpp


def main(folder, template):
    (model,) = Path(folder).rglob("*.gguf")
    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.model_alias = {"smollm2"}
    params.chat_template = Path(template).read_text("utf-8")
    params.use_jinja = True
    params.port = 0
    # As many conversations at once, and as many tokens together.
    params.n_parallel, params.n_ctx = 4, 16384
    # Several threads wait for each other, which takes ten times as long on a busy machine.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    # The same question has the same answer.
    params.sampling.temp, params.sampling.seed = 0.0, 1
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
