"""TPC-H lineitem from SQLite into zstd Parquet: leat, and what others need for the same rows.

    python bench/lineitem.py [--scale 1] [--repeat 3] [--only NAME,...] [--table orders]

Every contender is a process of its own, started cold, measured from outside by wait4: wall clock, CPU seconds (user and
system) and peak resident memory. The best of the repeats is shown. The database is made once, in .cache/bench.
"""

import argparse
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache" / "bench"
OUT = CACHE / "out"
LEAT = pathlib.Path(os.environ.get("LEAT", ROOT / "build" / "leat"))

SCHEMAS = {
    "lineitem": """l_orderkey INTEGER NOT NULL, l_partkey INTEGER NOT NULL, l_suppkey INTEGER NOT NULL,
        l_linenumber INTEGER NOT NULL, l_quantity DECIMAL(15,2) NOT NULL, l_extendedprice DECIMAL(15,2) NOT NULL,
        l_discount DECIMAL(15,2) NOT NULL, l_tax DECIMAL(15,2) NOT NULL, l_returnflag CHAR(1) NOT NULL,
        l_linestatus CHAR(1) NOT NULL, l_shipdate DATE NOT NULL, l_commitdate DATE NOT NULL, l_receiptdate DATE NOT NULL,
        l_shipinstruct CHAR(25) NOT NULL, l_shipmode CHAR(10) NOT NULL, l_comment VARCHAR(44) NOT NULL""",
    "orders": """o_orderkey INTEGER PRIMARY KEY, o_custkey INTEGER NOT NULL, o_orderstatus CHAR(1) NOT NULL,
        o_totalprice DECIMAL(15,2) NOT NULL, o_orderdate DATE NOT NULL, o_orderpriority CHAR(15) NOT NULL,
        o_clerk CHAR(15) NOT NULL, o_shippriority INTEGER NOT NULL, o_comment VARCHAR(79) NOT NULL""",
}


def make_database(scale: str) -> pathlib.Path:
    db = CACHE / f"tpch-{scale}.db"
    if db.exists():
        return db
    CACHE.mkdir(parents=True, exist_ok=True)
    raw, unfinished = CACHE / "raw", db.with_suffix(".part")
    shutil.rmtree(raw, ignore_errors=True)
    unfinished.unlink(missing_ok=True)
    print(f"making {db} ...", file=sys.stderr)
    generator = pathlib.Path(sys.executable).parent / "tpchgen-cli"
    for table in SCHEMAS:
        subprocess.run(
            [generator, "-s", scale, "--tables", table, "--output-dir", raw], check=True, stdout=subprocess.DEVNULL
        )
    connection = sqlite3.connect(unfinished)
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("PRAGMA synchronous = OFF")
    for table, columns in SCHEMAS.items():
        connection.execute(f"CREATE TABLE {table} ({columns})")
        marks = ", ".join("?" * (columns.count(" NOT NULL") + columns.count("PRIMARY KEY")))
        with open(raw / f"{table}.tbl", encoding="utf-8") as lines:
            connection.executemany(
                f"INSERT INTO {table} VALUES ({marks})", (line.rstrip("\n").rstrip("|").split("|") for line in lines)
            )
    connection.commit()
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    shutil.rmtree(raw)
    unfinished.rename(db)
    return db


# ---- contenders: each gives a command line; the Python ones run in a fresh interpreter ----


def python(code: str) -> list:
    return [sys.executable, "-c", code]


def leat(db, table):
    job = OUT / "job.yaml"
    job.write_text(
        f"source: sqlite://{db}\ntarget: file://{OUT}/lake\n"
        f"defaults: {{table: delta, compression: 'zstd:1'}}\nstreams:\n  {table}: {{mode: full-refresh}}\n"
    )
    return [LEAT, "run", job, "--memory", "256MB", "--quiet"]


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


def measure(command) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds, peak MB."""
    started = time.monotonic()
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = process.stdout.read()
    _, code, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(code)
    if process.returncode != 0:
        raise RuntimeError(said.decode(errors="replace").strip() or f"exit {process.returncode}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000


def written() -> float:
    return sum(path.stat().st_size for path in OUT.rglob("*.parquet")) / 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", default="1")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", help="names, as in " + ",".join(CONTENDERS))
    parser.add_argument("--table", default="lineitem", choices=SCHEMAS)
    arguments = parser.parse_args()

    db = make_database(arguments.scale)
    connection = sqlite3.connect(db)
    (rows,) = connection.execute(f"SELECT count(*) FROM {arguments.table}").fetchone()
    connection.close()
    print(f"{arguments.table}, scale {arguments.scale}: {rows:,} rows, {db.stat().st_size / 1e6:,.0f} MB of SQLite;"
          f" {os.cpu_count()} cores, best of {arguments.repeat}\n")
    print(f"| {'':38} | {'wall s':>7} | {'CPU s':>7} | {'peak MB':>8} | {'out MB':>7} |")
    print(f"|{'-' * 40}|{'-' * 8}:|{'-' * 8}:|{'-' * 9}:|{'-' * 8}:|")
    for name in (arguments.only or ",".join(CONTENDERS)).split(","):
        title, command = CONTENDERS[name]
        best, size = None, 0.0
        try:
            for _ in range(arguments.repeat):
                shutil.rmtree(OUT, ignore_errors=True)
                OUT.mkdir(parents=True)
                found = measure(command(db, arguments.table))
                best, size = min(best or found, found), written()
        except (RuntimeError, OSError) as error:
            print(f"| {title:38} | failed: {str(error).splitlines()[-1][:60]} |")
            continue
        print(f"| {title:38} | {best[0]:7.2f} | {best[1]:7.2f} | {best[2]:8.0f} | {size:7.0f} |", flush=True)
    shutil.rmtree(OUT, ignore_errors=True)


if __name__ == "__main__":
    main()
