"""The links between libraries, which an npm package can't hold: python3 links.py FOLDER..."""

import json
import pathlib
import sys

for folder in map(pathlib.Path, sys.argv[1:]):
    for link in json.loads((folder / "native" / "pg-symlinks.json").read_text()):
        target = folder / link["target"]
        if not target.is_symlink():
            target.symlink_to(pathlib.Path(link["source"]).name)
