"""An incremental run that moves 1,000 rows of a PostgreSQL table of 6 million: the whole process, from exec to exit.

    python bench/incremental_postgres.py [--rows 6000000] [--new 1000] [--repeat 10]

The table has an index on each of its two watermark columns: a timestamptz that the database sets, and the key of a
sequence. The data directory is kept, in /var/tmp/leat-bench-incremental.
"""

import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

from contest import CACHE, LEAT, ROOT

sys.path.insert(0, str(ROOT / "tests"))
from postgres_server import Server  # noqa: E402

WORK = CACHE / "incremental"
TABLE = """
    CREATE TABLE events (id bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), customer int NOT NULL,
        amount numeric(15,2) NOT NULL, note text NOT NULL);
    INSERT INTO events (at, customer, amount, note)
        SELECT now() - interval '2 hours' - ({rows} - i) * interval '10 ms', i % 100000, i % 100000 / 100.0, 'note ' || i
        FROM generate_series(1, {rows}) i;
    CREATE INDEX ON events (at);
    """


def start(rows) -> Server:
    folder = pathlib.Path("/var/tmp/leat-bench-incremental")  # not below a home that the server's user can't enter
    server = Server(folder, {"shared_buffers": "2GB", "max_wal_size": "4GB", "autovacuum": "off"})
    if not server.query("SELECT to_regclass('events')")[0][0]:
        print("loading events ...", file=sys.stderr)
        server.sql(TABLE.format(rows=rows))
    server.sql("VACUUM (ANALYZE, FREEZE) events")
    return server


def job(server, key):
    folder = WORK / key
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "job.yaml").write_text(
        f"source: '{server.url()}'\ntarget: ./lake\nstreams:\n  events: {{mode: incremental, update_key: {key}}}\n"
    )
    return folder / "job.yaml"


def run(job_file):
    started = time.monotonic()
    subprocess.run([LEAT, "run", job_file, "--quiet"], check=True, env={**os.environ, "LEAT_LEDGER": str(WORK / "ledger.db")})
    return (time.monotonic() - started) * 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=6_000_000)
    parser.add_argument("--new", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=10)
    arguments = parser.parse_args()
    server = start(arguments.rows)
    try:
        for key in ("at", "id"):
            job_file, times = job(server, key), []
            run(job_file)
            for _ in range(arguments.repeat):
                server.sql(f"INSERT INTO events (customer, amount, note) SELECT i, i, 'new' FROM generate_series(1, {arguments.new}) i")
                time.sleep(1.2)  # the bound by time is a second behind
                times.append(run(job_file))
            nothing = [run(job_file) for _ in range(arguments.repeat)]
            for what, took in ((f"{arguments.new:,} new rows", times), ("nothing new", nothing)):
                print(f"update_key {key:4} {what:18} median {statistics.median(took):7.1f} ms, best {min(took):7.1f},"
                      f" worst {max(took):7.1f}", flush=True)
    finally:
        server.stop("fast")
        shutil.rmtree(WORK, ignore_errors=True)


if __name__ == "__main__":
    main()
