"""Takes the recorded streams out of the source of the official client.

usage: unpack.py ARCHIVES FOLDER

  ARCHIVES  a folder with the source as pip downloads it
  FOLDER    where each stream goes, a file each
"""

import sys
import tarfile
from pathlib import Path, PurePath

STREAMS = (".txt", ".sse")


def main(archives, folder):
    Path(folder).mkdir(parents=True, exist_ok=True)
    (source,) = Path(archives).glob("anthropic-*.tar.gz")
    with tarfile.open(source) as archive:
        for file in archive:
            path = PurePath(file.name)
            if file.isfile() and "fixtures" in path.parts and path.suffix in STREAMS:
                Path(folder, path.stem).write_bytes(archive.extractfile(file).read())
    assert any(Path(folder).iterdir()), f"{source} holds no recorded streams"


if __name__ == "__main__":
    main(*sys.argv[1:])
