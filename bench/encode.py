"""From memory to a zstd Parquet file, row groups of 500,000: leat's columnar core beside pyarrow, Polars and DuckDB.

    python bench/encode.py [--scale 1] [--repeat 3] [--only leat,pyarrow,polars,duckdb] [--table lineitem]

Every contender holds all rows in memory before the clock starts: leat as batches of its own, the others as one Arrow
table with the same types. CPU seconds (user and system, all threads) and wall clock of writing alone, the best of the
repeats, and the size of the file. "zstd alone" compresses the very pages that leat wrote, and keeps nothing: what no
writer of these pages can go below.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys

import contest

BUILD = pathlib.Path(os.environ.get("LEAT_BUILD", contest.ROOT / "build"))
OUT = contest.CACHE / "encode"
LEVELS = (1, 3)

LEAT_CASES = (
    (1, "compression=zstd:1", "leat, zstd 1"),
    (1, "compression=zstd:3", "leat, zstd 3"),
    (1, "encoding=dense,compression=zstd:1", "leat dense, zstd 1"),
    (1, "encoding=dense,compression=zstd:3", "leat dense, zstd 3"),
    (1, "compression=snappy", "leat, snappy"),
    (1, "compression=none", "leat, not compressed"),
    (2, "compression=zstd:1", "leat, zstd 1"),
    (1, "floor:1", "zstd 1 alone, pages of the first line"),
    (1, "floor:3", "zstd 3 alone, the same pages"),
)

# The peers: each line of the table is a fresh interpreter that loads the Arrow table, then writes it REPEAT times.
MEASURE = """
import json, os, sys, time
import pyarrow.parquet
path, out, repeat = {path!r}, {out!r}, {repeat}
table = pyarrow.parquet.read_table(path)
{load}
best = None
for _ in range(repeat):
    cpu, wall = os.times(), time.monotonic()
    {write}
    now = os.times()
    found = (now.user + now.system - cpu.user - cpu.system, time.monotonic() - wall)
    best = found if best is None else tuple(map(min, best, found))
print(json.dumps({{"cpu": best[0], "wall": best[1], "bytes": os.path.getsize(out), "version": {version}}}))
"""

PEERS = {
    "pyarrow": {
        "load": "",
        "write": "pyarrow.parquet.write_table(table, out, compression='zstd', compression_level={level},"
        " row_group_size=500000)",
        "version": "pyarrow.__version__",
    },
    "polars": {
        "load": "import polars; frame = polars.from_arrow(table); del table",
        "write": "frame.write_parquet(out, compression='zstd', compression_level={level}, row_group_size=500000)",
        "version": "polars.__version__",
    },
    "duckdb": {
        "load": "import duckdb; db = duckdb.connect(); db.execute('SET enable_progress_bar = false'); db.register('rows', table)",
        "write": "db.execute(\"COPY (SELECT * FROM rows) TO '\" + out + \"' (FORMAT parquet, COMPRESSION zstd,"
        ' COMPRESSION_LEVEL {level}, ROW_GROUP_SIZE 500000)")',
        "version": "duckdb.__version__",
    },
}
TITLES = {"pyarrow": "pyarrow", "polars": "Polars", "duckdb": "DuckDB"}


def show(table, title, found):
    table.row(title, found["cpu"], found["wall"], found["bytes"] / 1e6)


def run_leat(table, program, db, name, repeat):
    """All cases in one process, so that rows are read once."""
    command = [program, f"sqlite://{db}", name, OUT / "leat.parquet", "--repeat", str(repeat)]
    for threads, case, _ in LEAT_CASES:
        command += ["--threads", str(threads), case]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    for (threads, _, title), line in zip(LEAT_CASES, done.stdout.splitlines()):
        found = json.loads(line)
        if found["bytes"]:  # else the format has no such option
            show(table, title + (f", {threads} threads" if threads > 1 else ""), found)


def run_peer(table, name, rows, repeat):
    peer = PEERS[name]
    for level in LEVELS:
        code = MEASURE.format(
            path=str(rows), out=str(OUT / f"{name}.parquet"), repeat=repeat, load=peer["load"],
            write=peer["write"].format(level=level), version=peer["version"],
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        if done.returncode != 0:
            table.words(TITLES[name], f"fails: {contest.last_words(RuntimeError(done.stderr))}")
            continue
        found = json.loads(done.stdout.splitlines()[-1])
        show(table, f"{TITLES[name]} {found['version']}, zstd {level}", found)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", default="1")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--table", default="lineitem", choices=contest.SCHEMAS)
    parser.add_argument("--only", default="leat," + ",".join(PEERS), help="leat," + ",".join(PEERS))
    arguments = parser.parse_args()
    chosen = arguments.only.split(",")

    program = BUILD / "bench" / "bench_encode"
    subprocess.run(["ninja", "-C", BUILD, "bench/bench_encode"], check=True, stdout=subprocess.DEVNULL)
    db = contest.make_database(arguments.scale)
    OUT.mkdir(parents=True, exist_ok=True)
    rows = OUT / "rows.parquet"
    print(f"{arguments.table}, scale {arguments.scale}, from memory; {os.cpu_count()} cores, best of {arguments.repeat}\n")
    table = contest.Table("", 38, contest.CPU, contest.WALL, ("out MB", 7, ".1f"))
    if "leat" in chosen:
        run_leat(table, program, db, arguments.table, arguments.repeat)
    if set(chosen) & set(PEERS):
        command = [program, f"sqlite://{db}", arguments.table, rows, "--repeat", "1", "compression=snappy"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    for name in PEERS:
        if name in chosen:
            run_peer(table, name, rows, arguments.repeat)
    for path in OUT.iterdir():
        path.unlink()


if __name__ == "__main__":
    main()
