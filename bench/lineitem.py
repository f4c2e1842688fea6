"""TPC-H lineitem from SQLite into zstd Parquet: leat, and what others need for the same rows.

    python bench/lineitem.py [--scale 1] [--repeat 3] [--only NAME,...] [--table orders]

Every contender is a process of its own, started cold, measured from outside by wait4: wall clock, CPU seconds (user and
system) and peak resident memory. The best of the repeats is shown. The database is made once, in .cache/bench.
"""

import argparse
import os
import sys

from contest import LEAT, OUT, SCHEMAS, compiled, contest, count_rows, leat_job, make_database, options, python, version

# ---- contenders: each gives a command line; the Python ones run in a fresh interpreter ----


def leat(db, table):
    return [LEAT, "run", leat_job(db, table, "lake"), "--memory", "256MB", "--quiet"]


def duckdb_reader(db, table):
    return python(f"""
import duckdb, importlib.util, pathlib
folder = pathlib.Path(importlib.util.find_spec("duckdb_extension_sqlite_scanner").origin).parent
c = duckdb.connect(config={{"autoinstall_known_extensions": False}})
c.execute("LOAD '%s'" % next(folder.rglob("*.duckdb_extension")))
c.execute("COPY (SELECT * FROM sqlite_scan('{db}', '{table}')) TO '{OUT}/duckdb.parquet'"
          " (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)")
""")


def connectorx(db, table):
    return python(f"""
import connectorx, pyarrow.parquet
rows = connectorx.read_sql("sqlite://{db}", "SELECT rowid AS r, * FROM {table}", partition_on="r", partition_num=2,
                           return_type="arrow")
pyarrow.parquet.write_table(rows, "{OUT}/connectorx.parquet", compression="zstd", compression_level=1)
""")


def adbc(db, table):
    return python(f"""
import adbc_driver_sqlite.dbapi, pyarrow.parquet
with adbc_driver_sqlite.dbapi.connect("file:{db}?mode=ro") as connection, connection.cursor() as cursor:
    cursor.adbc_statement.set_options(**{{"adbc.sqlite.query.batch_rows": "65536"}})
    cursor.execute("SELECT * FROM {table}")
    batches = cursor.fetch_record_batch()
    with pyarrow.parquet.ParquetWriter("{OUT}/adbc.parquet", batches.schema, compression="zstd", compression_level=1) as out:
        for batch in batches:
            out.write_batch(batch)
""")


def step(threads):
    return lambda db, table: [compiled("step", "-lsqlite3", "-lpthread"), db, table, threads]


CONTENDERS = {
    "leat": ("leat run, published Delta table", leat),
    "duckdb": (f"DuckDB{version('duckdb')} COPY from its SQLite reader", duckdb_reader),
    "connectorx": (f"ConnectorX{version('connectorx')}, two partitions, pyarrow", connectorx),
    "adbc": (f"ADBC SQLite{version('adbc-driver-sqlite')}, pyarrow", adbc),
    "step2": ("sqlite3_step alone, two connections", step(2)),
    "step1": ("sqlite3_step alone, one connection", step(1)),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", default="1")
    options(parser, CONTENDERS, repeat=3)
    parser.add_argument("--table", default="lineitem", choices=SCHEMAS)
    arguments = parser.parse_args()

    db = make_database(arguments.scale)
    rows = count_rows(db, arguments.table)
    print(f"{arguments.table}, scale {arguments.scale}: {rows:,} rows, {db.stat().st_size / 1e6:,.0f} MB of SQLite;"
          f" {os.cpu_count()} cores, best of {arguments.repeat}\n")
    return 0 if contest(CONTENDERS, arguments, db, arguments.table, width=42, rows=rows) else 1


if __name__ == "__main__":
    sys.exit(main())
