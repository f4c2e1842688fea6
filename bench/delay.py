"""How many connections should read over a long link: fixed numbers of them, and the one that leat finds.

    python bench/delay.py [--repeat 1] [--rows 6001215] [--delay 40] [--window 256] [--connections 8] [--readers 1,2,...]

lineitem comes through a proxy that delays every message by half of DELAY ms each way, with WINDOW KiB on the way for
each connection at most, as TCP has it on such a link: one connection brings WINDOW / DELAY. The last line is a run
without --readers, and how far it is from the best number. One of more than 10 % is a failure.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time

from contest import LEAT, OUT, ROOT, Table, clean
from postgres import start

sys.path.insert(0, str(ROOT / "tests"))
from delay_proxy import DelayProxy  # noqa: E402

ALLOWED = 10  # percent


def source_table(server, rows) -> str:
    """All of lineitem, or a table of its first ROWS."""
    ((all_rows,),) = server.query("SELECT count(*) FROM lineitem")
    if rows >= all_rows:
        return "lineitem"
    name = f"lineitem_{rows}"
    server.sql(f"CREATE TABLE IF NOT EXISTS {name} AS SELECT * FROM lineitem LIMIT {rows}")
    server.sql(f"VACUUM (ANALYZE, FREEZE) {name}")
    return name


def run(port, table, connections, *words):
    """(seconds on the wall, what the report says of the readers)"""
    clean()
    job = OUT / "job.yaml"
    job.write_text(
        f"source: {{url: 'postgres://admin@127.0.0.1:{port}/postgres', connections: {connections}}}\n"
        f"target: file://{OUT}/lake\ndefaults: {{table: delta, compression: 'zstd:1'}}\n"
        f"streams:\n  public.{table}: {{mode: full-refresh}}\n"
    )
    started = time.monotonic()
    done = subprocess.run(
        [LEAT, "run", job, "--json", *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True,
        env={**os.environ, "LEAT_LEDGER": str(OUT / "ledger.db")},
    )
    seconds = time.monotonic() - started
    return seconds, json.loads(done.stdout)["streams"][0]["readers"]


def best(repeat, *given):
    return min((run(*given) for _ in range(repeat)), key=lambda found: found[0])


def contest(port, name, arguments) -> bool:
    table, seconds = Table("readers", 8, ("wall s", 7, ".2f")), {}
    for readers in map(int, arguments.readers.split(",")):
        given = (port, name, arguments.connections, "--readers", str(readers))
        seconds[readers], _ = best(arguments.repeat, *given)
        table.row(readers, seconds[readers])
    found, report = best(arguments.repeat, port, name, arguments.connections)
    path = ", ".join(f"{rate['readers']}: {rate['bytes_per_second'] / 1e6:.1f}" for rate in report["rates"])
    table.row("climbing", found, words=f"{report['chosen']} readers: {report['why']} (MB/s with {path})")
    fixed = min(seconds, key=seconds.get)
    apart = 100 * (found / seconds[fixed] - 1)
    print(f"\nthe best number is {fixed}; climbing took {apart:+.1f} %, at most {ALLOWED} % is allowed")
    return apart <= ALLOWED


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=1, help="the best counts")
    parser.add_argument("--rows", type=int, default=6001215)
    parser.add_argument("--delay", type=float, default=40, help="ms there and back")
    parser.add_argument("--window", type=int, default=256, help="KiB")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--readers", default="1,2,3,4,5,6,7,8", help="the fixed numbers")
    arguments = parser.parse_args()
    server = start()
    try:
        name = source_table(server, arguments.rows)
        with DelayProxy(server.port, arguments.delay / 1000, arguments.window << 10) as proxy:
            good = contest(proxy.port, name, arguments)
    finally:
        server.stop("fast")
        shutil.rmtree(OUT, ignore_errors=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
