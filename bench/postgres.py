"""TPC-H lineitem from PostgreSQL into zstd Parquet: leat, the wire alone, and others.

    python bench/postgres.py [--repeat 3] [--only NAME,...]

A server of its own (Debian's PostgreSQL) holds the table, loaded and vacuumed once, in /var/tmp/leat-bench-postgres; it runs
on the same machine and its CPU is not counted. Every contender is a process of its own, and must have written all rows.
`scripts/packages bench-postgres` installs them all; one that is missing is a line that says so.
"""

import argparse
import importlib.util
import json
import os
import pathlib
import shutil
import sqlite3
import sys

from contest import CACHE, LEAT, OUT, ROOT, Missing, compiled, contest, make_database, options, python, version

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


BUDGET = 128  # MB
ALLOWANCE = 64  # MB that leat may take besides


def leat(*flags):
    def command(server):
        job = OUT / "job.yaml"
        job.write_text(
            f"source: '{server.url()}'\ntarget: file://{OUT}/lake\n"
            "defaults: {table: delta, compression: 'zstd:1'}\nstreams:\n  public.lineitem: {mode: full-refresh}\n"
        )
        return [LEAT, "run", job, "--memory", f"{BUDGET}MB", "--quiet", *flags]

    return command


def conninfo(server):
    return f"host={server.folder} port={server.port} user=admin dbname=postgres"


def tcp(server):
    return f"postgresql://admin@127.0.0.1:{server.port}/postgres"


def copy(connections):
    libraries = ("-I/usr/include/postgresql", "-lpq", "-lpthread")
    return lambda server: [compiled("copy", *libraries), conninfo(server), "lineitem", connections]


# ---- Python packages, each in a fresh interpreter ----


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


def package(name):
    """The folder of a Python package that `make bench` does without."""
    found = importlib.util.find_spec(name)
    if not found or not found.origin:
        raise Missing("make bench-postgres")
    return pathlib.Path(found.origin).parent


def dlt(server):
    """Its writer has no level to ask for: zstd's own, which is 1 in Arrow."""
    package("dlt")
    environment = {
        "DLT_DATA_DIR": f"{OUT}/dlt-state",
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "DATA_WRITER__COMPRESSION": "zstd",
        "LOAD__DELETE_COMPLETED_JOBS": "true",  # else its copy would count as written
    }
    return python(f"""
import dlt, dlt.sources.sql_database
pipeline = dlt.pipeline("bench", destination=dlt.destinations.filesystem("file://{OUT}/dlt"), dataset_name="lake",
                        pipelines_dir="{OUT}/dlt-state/pipelines")
table = dlt.sources.sql_database.sql_table(
    "{tcp(server).replace('postgresql:', 'postgresql+psycopg2:')}", "lineitem", backend="pyarrow", chunk_size=100000,
    reflection_level="full_with_precision", write_disposition="replace")
pipeline.run(table, loader_file_format="parquet")
"""), environment


def sling(server):
    """With its own writer: by default it fetches a DuckDB from a release page and writes by that."""
    words = {"format": "parquet", "compression": "zstd", "file_max_bytes": 0, "file_max_rows": 0}
    environment = {"SLING_HOME_DIR": f"{OUT}/sling", "SLING_DISABLE_TELEMETRY": "true", "SLING_DUCKDB_COMPUTE": "false"}
    return [
        package("sling_linux_amd64") / "bin" / "sling-linux-amd64", "run",
        "--src-conn", tcp(server) + "?sslmode=disable", "--src-stream", "public.lineitem",
        "--tgt-object", f"file://{OUT}/sling.parquet", "--tgt-options", json.dumps(words), "--mode", "full-refresh",
    ], environment


# ---- Rust programs, built into .cache/bench/cargo ----


def crate(name):
    program = CACHE / "cargo" / "bin" / name
    if not program.exists():
        raise Missing("make bench-postgres")
    return program


def rivet(server):
    job = OUT / "rivet.yaml"
    job.write_text(f"""
source: {{type: postgres, url: "{tcp(server)}", tls: {{mode: disable}}}}
exports:
  - {{name: lineitem, table: public.lineitem, mode: full, format: parquet, compression: zstd, compression_level: 1,
     destination: {{type: local, path: {OUT}/rivet}}}}
""")
    return [crate("rivet"), "run", "--config", job]


def pg2parquet(server):
    """It asks the terminal for a password where it is told none, also a server that wants none."""
    return [
        crate("pg2parquet"), "export", "--quiet", "--connection", tcp(server) + "?sslmode=disable", "--table", "lineitem",
        "--output-file", OUT / "pg2parquet.parquet", "--compression", "zstd", "--compression-level", "1",
        "--decimal-precision", "15", "--decimal-scale", "2",
    ], {"PGPASSWORD": "none"}


def odbc2parquet(server):
    """With a cursor on the server: else Debian's driver holds the whole result."""
    program = crate("odbc2parquet")
    if not shutil.which("odbcinst"):
        raise Missing("make bench-postgres")
    words = {
        "Driver": "{PostgreSQL Unicode}", "Server": "127.0.0.1", "Port": server.port, "Database": "postgres", "Uid": "admin",
        "UseDeclareFetch": 1, "Fetch": 10000,
    }
    return [
        program, "--quiet", "query", "--connection-string", "".join(f"{key}={value};" for key, value in words.items()),
        "--column-compression-default", "zstd", "--column-compression-level-default", "1",
        OUT / "odbc2parquet.parquet", "SELECT * FROM lineitem",
    ]


CONTENDERS = {
    "copy2": ("COPY BINARY to nowhere, two connections", copy(2)),
    "copy4": ("COPY BINARY to nowhere, four connections", copy(4)),
    "leat": (f"leat run --memory {BUDGET}MB, published Delta table", leat()),
    "leat2": ("the same with --readers 2", leat("--readers", "2")),
    "leat4": ("the same with --readers 4", leat("--readers", "4")),
    "duckdb": (f"DuckDB{version('duckdb')} with its postgres extension", duckdb),
    "connectorx": (f"ConnectorX{version('connectorx')}, two partitions, pyarrow", connectorx),
    "adbc": (f"ADBC PostgreSQL{version('adbc-driver-postgresql')}, pyarrow", adbc),
    "rivet": ("rivet-cli 0.32.2, mode full", rivet),
    "pg2parquet": ("pg2parquet 0.2.2", pg2parquet),
    "odbc2parquet": ("odbc2parquet 11.0.1, a cursor of 10,000 rows", odbc2parquet),
    "sling": (f"sling{version('sling-linux-amd64')}", sling),
    "dlt": (f"dlt{version('dlt')}, its pyarrow backend", dlt),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options(parser, CONTENDERS, repeat=3)
    arguments = parser.parse_args()
    server = start()
    try:
        ((rows,),) = server.query("SELECT count(*) FROM lineitem")
        print(f"lineitem, scale 1, {rows:,} rows; {os.cpu_count()} cores, best of {arguments.repeat};"
              f" leat may take {BUDGET} + {ALLOWANCE} MB\n")
        most = dict.fromkeys(("leat", "leat2", "leat4"), BUDGET + ALLOWANCE)
        return 0 if contest(CONTENDERS, arguments, server, width=48, rows=rows, most_peak=most) else 1
    finally:
        server.stop("fast")


if __name__ == "__main__":
    sys.exit(main())
