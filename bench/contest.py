"""What the benches share: the databases, and the measuring of one process from outside."""

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


def python(code: str) -> list:
    return [sys.executable, "-c", code]


def leat_job(db, table: str, name: str, words: str = "") -> pathlib.Path:
    """A job file that loads TABLE of DB whole into OUT/NAME; WORDS go into its stream."""
    job = OUT / f"{name}.yaml"
    job.write_text(
        f"source: sqlite://{db}\ntarget: file://{OUT}/{name}\n"
        f"defaults: {{table: delta, compression: 'zstd:1'}}\nstreams:\n  {table}: {{mode: full-refresh{words}}}\n"
    )
    return job


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


def data_files() -> int:
    return sum(1 for _ in OUT.rglob("*.parquet"))


def clean():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)


def count_rows(db, table: str) -> int:
    connection = sqlite3.connect(db)
    (rows,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    connection.close()
    return rows
