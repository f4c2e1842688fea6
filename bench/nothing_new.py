"""A run that finds nothing new: the whole process, from exec to exit, on a small and on a huge table.

    python bench/nothing_new.py [--files 1000] [--runs 100] [--repeat 20]

The huge table is made by RUNS runs of FILES files each. It is asked with its whole log, and again as a log cleaner
leaves it: no JSON below the last checkpoint, which then has to tell the table's definition. The last line is what a
run costs that also writes a checkpoint of all those files.
"""

import argparse
import json
import os
import pathlib
import shutil
import sqlite3
import statistics
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
WORK = ROOT / ".cache" / "bench" / "nothing"
LEAT = pathlib.Path(os.environ.get("LEAT", ROOT / "build" / "leat"))
JOB = "source: ./shop.db\ntarget: ./lake\nstreams:\n  t: {mode: incremental, update_key: id, partition_by: part}\n"
LOG = WORK / "lake" / "t" / "_delta_log"


def insert(first, rows, files):
    with sqlite3.connect(WORK / "shop.db") as db:
        db.executemany("INSERT INTO t VALUES (?, ?, ?)", ((i, i % files, f"note {i}") for i in range(first, first + rows)))
    db.close()
    return first + rows


def leat():
    started = time.monotonic()
    subprocess.run(
        [LEAT, "run", WORK / "job.yaml", "--quiet"], check=True, env={**os.environ, "LEAT_LEDGER": str(WORK / "ledger.db")}
    )
    return (time.monotonic() - started) * 1000


def tell(what, times):
    print(f"{what:48} median {statistics.median(times):7.1f} ms, best {min(times):7.1f}, worst {max(times):7.1f}")


def live_files():
    return sum(line.startswith('{"add"') for version in LOG.glob("*.json") for line in version.open())


def hint():
    return json.loads((LOG / "_last_checkpoint").read_text())["version"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--repeat", type=int, default=20)
    arguments = parser.parse_args()
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    with sqlite3.connect(WORK / "shop.db") as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, part INTEGER NOT NULL, note TEXT)")
    db.close()
    (WORK / "job.yaml").write_text(JOB)
    at = insert(0, arguments.files * 100, arguments.files)
    leat()
    tell(f"{live_files():,} files", [leat() for _ in range(arguments.repeat)])
    for _ in range(arguments.runs - 1):
        at = insert(at, arguments.files, arguments.files)
        leat()
    files = f"{live_files():,} files in {arguments.runs} versions"
    tell(files, [leat() for _ in range(arguments.repeat)])
    for version in LOG.glob("*.json"):
        if int(version.stem) < hint():
            version.unlink()
    tell(f"{files}, cleaned", [leat() for _ in range(arguments.repeat)])
    one_row, with_checkpoint = [], []
    while len(with_checkpoint) < 2:
        before = hint()
        at = insert(at, 1, arguments.files)
        took = leat()
        (one_row if hint() == before else with_checkpoint).append(took)
    tell("one new row", one_row)
    tell("one new row, and a checkpoint", with_checkpoint)
    shutil.rmtree(WORK)


if __name__ == "__main__":
    main()
