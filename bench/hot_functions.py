"""The functions that a program's threads spend their time in: perf, sampled by the clock, a library a line.

    python bench/hot_functions.py [--comm encode] [--top 10] COMMAND...

Functions of leat are named one by one (build/leat is not stripped); zstd, SQLite, the C library and the kernel are
a line each, as none of them is ours to change.
"""

import argparse
import collections
import pathlib
import subprocess
import sys
import tempfile


def samples(data, comm):
    command = ["perf", "script", "-i", data, "-F", "comm,ip,sym,dso"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for line in text.splitlines():
        words = line.split()
        if len(words) < 3 or (comm and words[0] != comm):
            continue
        yield words[2], words[-1].strip("()")


def owner(symbol, dso, program):
    name = pathlib.Path(dso).name
    if name == program:
        return symbol.split(".")[0]
    if "kernel" in dso or name.endswith(".ko"):
        return "(kernel)"
    return "(" + name.split(".so")[0] + ")"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--comm", help="only threads of this name")
    parser.add_argument("--top", type=int, default=10)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = folder + "/perf.data"
        record = ["perf", "record", "-q", "-e", "cpu-clock", "-F", "1999", "-o", data, *arguments.command]
        subprocess.run(record, check=True, stdout=sys.stderr, stderr=subprocess.DEVNULL)
        program = pathlib.Path(arguments.command[0]).name
        found = collections.Counter(owner(*sample, program) for sample in samples(data, arguments.comm))
    total = sum(found.values()) or 1
    for name, count in found.most_common(arguments.top):
        print(f"{100 * count / total:5.1f} %  {name}")


if __name__ == "__main__":
    main()
