"""Takes the official tests of JSON Schema out of the source of a package that has them.

usage: schemas_unpack.py ARCHIVES FOLDER

  ARCHIVES  a folder with the source as pip downloads it
  FOLDER    where each file of tests goes, under the path that it has in the suite
"""

import sys
import tarfile
from pathlib import Path

SUITE = "/json/tests/draft2020-12/"


def main(archives, folder):
    (source,) = Path(archives).glob("jsonschema-*.tar.gz")
    with tarfile.open(source) as archive:
        for file in archive:
            _, _, name = file.name.partition(SUITE)
            if file.isfile() and name:
                place = Path(folder, name)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(archive.extractfile(file).read())
    assert Path(folder).is_dir(), f"{source} holds no tests of JSON Schema"


if __name__ == "__main__":
    main(*sys.argv[1:])
