"""Readers outside Python: one start of Java or Node for many files."""

import json
import pathlib
import subprocess

import pyspark

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
JARS = pathlib.Path(pyspark.__file__).parent / "jars"  # parquet-java and its codecs, as Spark brings them
MODULES = ROOT / ".cache" / "node" / "node_modules"


class Refused(Exception):
    """What a program said of one file."""


def _read(command, paths):
    done = subprocess.run([*map(str, command), *map(str, paths)], capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        answer = json.loads(line)
        yield Refused(answer["error"]) if "error" in answer else answer["columns"]


def parquet_java(paths, _names):
    return _read(["java", "-cp", JARS / "*", HERE.parent / "ReadParquet.java"], paths)


def hyparquet(paths, _names):
    assert MODULES.exists(), f"no {MODULES}: run scripts/packages check"
    return _read(["node", HERE.parent / "read_parquet.mjs", MODULES], paths)
