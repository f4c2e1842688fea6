"""A run that finds nothing on a table of 1,000 files: the whole process, from exec to exit.

    python bench/nothing_new.py [--files 1000] [--repeat 20]
"""

import argparse
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=20)
    arguments = parser.parse_args()
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    db = sqlite3.connect(WORK / "shop.db")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, part INTEGER NOT NULL, note TEXT)")
    db.executemany(
        "INSERT INTO t VALUES (?, ?, ?)",
        ((i, i % arguments.files, f"note {i}") for i in range(arguments.files * 100)),
    )
    db.commit()
    db.close()
    job = WORK / "job.yaml"
    job.write_text(
        "source: ./shop.db\ntarget: ./lake\nstreams:\n  t: {mode: incremental, update_key: id, partition_by: part}\n"
    )
    environment = {**os.environ, "LEAT_LEDGER": str(WORK / "ledger.db")}
    command = [LEAT, "run", job, "--quiet"]
    subprocess.run(command, check=True, env=environment)
    files = len(list(WORK.glob("lake/t/**/*.parquet")))
    times = []
    for _ in range(arguments.repeat):
        started = time.monotonic()
        subprocess.run(command, check=True, env=environment)
        times.append((time.monotonic() - started) * 1000)
    print(f"{files} files: median {statistics.median(times):.1f} ms, best {min(times):.1f}, worst {max(times):.1f}")
    shutil.rmtree(WORK)


if __name__ == "__main__":
    main()
