"""TPC-H lineitem from SQLite into zstd Parquet: leat, and what others need for the same rows.

    python bench/lineitem.py [--scale 1] [--repeat 3] [--only NAME,...] [--table orders]

Every contender is a process of its own, started cold, measured from outside by wait4: wall clock, CPU seconds (user and
system) and peak resident memory. The best of the repeats is shown. The database is made once, in .cache/bench.
"""

import argparse
import os
import shutil
import subprocess

from contest import CACHE, LEAT, OUT, ROOT, SCHEMAS, clean, count_rows, leat_job, make_database, measure, python, written

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
    def command(db, table):
        program = CACHE / "step"
        source = ROOT / "bench" / "step.c"
        if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
            subprocess.run(["cc", "-O2", "-o", program, source, "-lsqlite3", "-lpthread"], check=True)
        return [program, db, table, str(threads)]

    return command


CONTENDERS = {
    "leat": ("leat run, published Delta table", leat),
    "duckdb": ("DuckDB COPY from its SQLite reader", duckdb_reader),
    "connectorx": ("ConnectorX, two partitions, pyarrow", connectorx),
    "adbc": ("ADBC SQLite, pyarrow", adbc),
    "step2": ("sqlite3_step alone, two connections", step(2)),
    "step1": ("sqlite3_step alone, one connection", step(1)),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", default="1")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", help="names, as in " + ",".join(CONTENDERS))
    parser.add_argument("--table", default="lineitem", choices=SCHEMAS)
    arguments = parser.parse_args()

    db = make_database(arguments.scale)
    rows = count_rows(db, arguments.table)
    print(f"{arguments.table}, scale {arguments.scale}: {rows:,} rows, {db.stat().st_size / 1e6:,.0f} MB of SQLite;"
          f" {os.cpu_count()} cores, best of {arguments.repeat}\n")
    print(f"| {'':38} | {'wall s':>7} | {'CPU s':>7} | {'peak MB':>8} | {'out MB':>7} |")
    print(f"|{'-' * 40}|{'-' * 8}:|{'-' * 8}:|{'-' * 9}:|{'-' * 8}:|")
    for name in (arguments.only or ",".join(CONTENDERS)).split(","):
        title, command = CONTENDERS[name]
        best, size = None, 0.0
        try:
            for _ in range(arguments.repeat):
                clean()
                found = measure(command(db, arguments.table))
                best, size = min(best or found, found), written()
        except (RuntimeError, OSError) as error:
            print(f"| {title:38} | failed: {str(error).splitlines()[-1][:60]} |")
            continue
        print(f"| {title:38} | {best[0]:7.2f} | {best[1]:7.2f} | {best[2]:8.0f} | {size:7.0f} |", flush=True)
    shutil.rmtree(OUT, ignore_errors=True)


if __name__ == "__main__":
    main()
