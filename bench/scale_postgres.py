"""One load at three sizes from PostgreSQL: a narrow table of 1, 10 and 50 million generated rows into a Delta table.

    python bench/scale_postgres.py [--repeat 3] [--rows 1000000,10000000,50000000] [--keep]

Rows a second should not depend on the size, nor should the peak memory. Beside each stands COPY BINARY of the same table to
nowhere over two connections: what of a difference is the server's. The server holds its data in
/var/tmp/leat-bench-postgres-narrow, 4.5 GB for all three, which are removed at the end; --keep leaves them for the next time.
"""

import argparse
import pathlib
import shutil
import sys

from contest import CPU, LEAT, OUT, PEAK, ROOT, SPEED, WALL, Table, best_of, clean, compiled, rows_written

sys.path.insert(0, str(ROOT / "tests"))
from postgres_server import Server  # noqa: E402

FOLDER = pathlib.Path("/var/tmp/leat-bench-postgres-narrow")  # not below a home that the server's user can't enter
BYTES_A_ROW = 80  # of the table on disk
BUDGET, ALLOWANCE = 128, 64  # MB
WIRE = ("COPY alone s", 12, ".2f")
AIM = 10  # percent that rows a second of the sizes may be apart, on a quiet machine

# A table made in the transaction that fills it needs no WAL at this level.
SETTINGS = {"shared_buffers": "5GB", "max_wal_size": "4GB", "autovacuum": "off", "wal_level": "minimal", "max_wal_senders": 0}

# The values are the same each time: nothing here is random, though the compressor can't tell.
NARROW = """CREATE TABLE {name} AS
    SELECT id, timestamptz '2020-01-01 00:00:00+00' + id * interval '1.7 s' AS at,
           (hashint8(id) & 1048575)::int AS a,
           hashint8extended(id, 1)::float8 / 1e9 AS b,
           'word ' || to_hex(hashint8(id) & 65535) AS c
    FROM generate_series(1::bigint, {rows}) AS id"""


def make(server, rows: int) -> str:
    name = f"narrow_{rows}"
    if not server.query(f"SELECT to_regclass('{name}')")[0][0]:
        free = shutil.disk_usage(FOLDER).free
        if free < 2 * rows * BYTES_A_ROW:
            raise SystemExit(f"{rows:,} rows want {rows * BYTES_A_ROW / 1e9:.1f} GB of {FOLDER}; {free / 1e9:.1f} GB are free")
        print(f"making {name} ...", file=sys.stderr)
        server.sql(NARROW.format(name=name, rows=rows))
        server.sql(f"VACUUM (ANALYZE, FREEZE) {name}")
    return name


def leat(server, name):
    job = OUT / "job.yaml"
    job.write_text(
        f"source: '{server.url()}'\ntarget: file://{OUT}/lake\n"
        f"defaults: {{table: delta, compression: 'zstd:1'}}\nstreams:\n  public.{name}: {{mode: full-refresh}}\n"
    )
    return [LEAT, "run", job, "--memory", f"{BUDGET}MB", "--quiet"]


def copy(server, name):
    where = f"host={server.folder} port={server.port} user=admin dbname=postgres"
    return [compiled("copy", "-I/usr/include/postgresql", "-lpq", "-lpthread"), where, name, "2"]


def load(server, sizes, repeat) -> list[str]:
    """Prints the table; what is not as it should be."""
    table, speeds, faults = Table("rows", 12, WALL, CPU, SPEED, PEAK, WIRE), [], []
    for rows in sizes:
        name = make(server, rows)
        wire = best_of(repeat, copy, server, name).wall
        wall, cpu, peak = best_of(repeat, leat, server, name)
        table.row(rows, wall, cpu, rows / wall, peak, wire)
        speeds.append(rows / wall)
        if rows_written() != rows:
            faults.append(f"{rows_written():,} rows were written of {rows:,}")
        if peak > BUDGET + ALLOWANCE:
            faults.append(f"a peak of {peak:.0f} MB with a budget of {BUDGET} MB")
    apart = 100 * (max(speeds) / min(speeds) - 1)
    print(f"\nrows a second: the best is {apart:.0f} % above the worst, the aim is {AIM} %")
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=3, help="the best counts")
    parser.add_argument("--rows", default="1000000,10000000,50000000")
    parser.add_argument("--keep", action="store_true", help="leave the server's data for the next time")
    arguments = parser.parse_args()
    server = Server(FOLDER, SETTINGS)
    try:
        faults = load(server, [int(rows) for rows in arguments.rows.split(",")], arguments.repeat)
    finally:
        server.stop("fast")
        if not arguments.keep:
            shutil.rmtree(FOLDER)
        clean()
    for fault in faults:
        print(f"not as it should be: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
