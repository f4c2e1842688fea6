"""TPC-H lineitem from PostgreSQL into zstd Parquet: leat, the wire alone, and others.

    python bench/postgres.py [--repeat 3] [--only NAME,...]

A server of its own (Debian's PostgreSQL) holds the table, loaded and vacuumed once, in .cache/bench/postgres; it runs on the
same machine and its CPU is not counted. Every contender is a process of its own.
"""

import argparse
import os
import pathlib
import sqlite3
import subprocess
import sys

from contest import CACHE, LEAT, OUT, ROOT, clean, make_database, measure, python, written

sys.path.insert(0, str(ROOT / "tests"))
from postgres_server import Server  # noqa: E402

COLUMNS = """l_orderkey bigint NOT NULL, l_partkey bigint NOT NULL, l_suppkey bigint NOT NULL, l_linenumber int NOT NULL,
    l_quantity numeric(15,2) NOT NULL, l_extendedprice numeric(15,2) NOT NULL, l_discount numeric(15,2) NOT NULL,
    l_tax numeric(15,2) NOT NULL, l_returnflag char(1) NOT NULL, l_linestatus char(1) NOT NULL, l_shipdate date NOT NULL,
    l_commitdate date NOT NULL, l_receiptdate date NOT NULL, l_shipinstruct char(25) NOT NULL, l_shipmode char(10) NOT NULL,
    l_comment varchar(44) NOT NULL"""
SETTINGS = {"shared_buffers": "2GB", "max_wal_size": "4GB", "autovacuum": "off"}


def start() -> Server:
    folder = pathlib.Path("/var/tmp/leat-bench-postgres")  # not below a home that the server's user can't enter
    server = Server(folder, SETTINGS)
    if server.query("SELECT to_regclass('lineitem')")[0][0]:
        return server
    print("loading lineitem ...", file=sys.stderr)
    rows = sqlite3.connect(make_database("1")).execute("SELECT * FROM lineitem")
    with server.connect() as connection:
        connection.execute(f"CREATE TABLE lineitem ({COLUMNS})")
        with connection.cursor().copy("COPY lineitem FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    server.sql("VACUUM (ANALYZE, FREEZE) lineitem")
    server.sql("CREATE EXTENSION IF NOT EXISTS pg_prewarm")
    return server


def leat(server):
    job = OUT / "job.yaml"
    job.write_text(
        f"source: '{server.url()}'\ntarget: file://{OUT}/lake\n"
        "defaults: {table: delta, compression: 'zstd:1'}\nstreams:\n  public.lineitem: {mode: full-refresh}\n"
    )
    return [LEAT, "run", job, "--memory", "128MB", "--quiet"]


def conninfo(server):
    return f"host={server.folder} port={server.port} user=admin dbname=postgres"


def copy(connections):
    def command(server):
        program, source = CACHE / "copy", ROOT / "bench" / "copy.c"
        if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
            subprocess.run(
                ["cc", "-O2", "-I/usr/include/postgresql", "-o", program, source, "-lpq", "-lpthread"], check=True
            )
        return [program, conninfo(server), "lineitem", str(connections)]

    return command


def duckdb(server):
    return python(f"""
import duckdb, importlib.util, pathlib
folder = pathlib.Path(importlib.util.find_spec("duckdb_extension_postgres_scanner").origin).parent
c = duckdb.connect(config={{"autoinstall_known_extensions": False}})
c.execute("LOAD '%s'" % next(folder.rglob("*.duckdb_extension")))
c.execute("ATTACH '{conninfo(server)}' AS pg (TYPE postgres, READ_ONLY)")
c.execute("COPY (SELECT * FROM pg.public.lineitem) TO '{OUT}/duckdb.parquet'"
          " (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)")
""")


def tcp(server):
    return f"postgresql://admin@127.0.0.1:{server.port}/postgres"


def connectorx(server):
    return python(f"""
import connectorx, pyarrow.parquet
rows = connectorx.read_sql("{tcp(server)}", "SELECT * FROM lineitem", partition_on="l_orderkey", partition_num=2,
                           return_type="arrow")
pyarrow.parquet.write_table(rows, "{OUT}/connectorx.parquet", compression="zstd", compression_level=1)
""")


def adbc(server):
    return python(f"""
import adbc_driver_postgresql.dbapi, pyarrow.parquet
with adbc_driver_postgresql.dbapi.connect("{tcp(server)}") as connection, connection.cursor() as cursor:
    cursor.execute("SELECT * FROM lineitem")
    batches = cursor.fetch_record_batch()
    with pyarrow.parquet.ParquetWriter("{OUT}/adbc.parquet", batches.schema, compression="zstd", compression_level=1) as out:
        for batch in batches:
            out.write_batch(batch)
""")


CONTENDERS = {
    "copy2": ("COPY BINARY to nowhere, two connections", copy(2)),
    "copy4": ("COPY BINARY to nowhere, four connections", copy(4)),
    "leat": ("leat run, published Delta table", leat),
    "duckdb": ("DuckDB with its postgres extension", duckdb),
    "connectorx": ("ConnectorX, two partitions, pyarrow", connectorx),
    "adbc": ("ADBC PostgreSQL, pyarrow", adbc),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", help="names, as in " + ",".join(CONTENDERS))
    arguments = parser.parse_args()
    server = start()
    try:
        print(f"lineitem, scale 1, 6,001,215 rows; {os.cpu_count()} cores, best of {arguments.repeat}\n")
        print(f"| {'':40} | {'wall s':>7} | {'CPU s':>7} | {'peak MB':>8} | {'out MB':>7} |")
        print(f"|{'-' * 42}|{'-' * 8}:|{'-' * 8}:|{'-' * 9}:|{'-' * 8}:|")
        for name in (arguments.only or ",".join(CONTENDERS)).split(","):
            title, command = CONTENDERS[name]
            best = None
            try:
                for _ in range(arguments.repeat):
                    clean()
                    found = measure(command(server))
                    best = min(best or found, found)
            except (RuntimeError, OSError) as error:
                print(f"| {title:40} | failed: {str(error).splitlines()[-1][:60]} |", flush=True)
                continue
            wall, cpu, peak = best
            print(f"| {title:40} | {wall:7.2f} | {cpu:7.2f} | {peak:8.0f} | {written():7.0f} |", flush=True)
        clean()
    finally:
        server.stop("fast")


if __name__ == "__main__":
    main()
