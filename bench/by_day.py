"""TPC-H lineitem by ship date: 2,526 partitions, their rows in random order.

    python bench/by_day.py [--repeat 1] [--only NAME,...]

leat and DuckDB read the SQLite table; Polars and pyarrow, which have no good reader for it, are given the rows as one
zstd Parquet file and so are spared that part. Wall clock, CPU seconds, peak memory and the number of files.
"""

import argparse
import shutil

from contest import LEAT, OUT, CACHE, clean, leat_job, make_database, measure, python, data_files, written

PLAIN_FILE = CACHE / "lineitem.parquet"


def leat(db):
    job = leat_job(db, "lineitem", "lake", ", partition_by: l_shipdate")
    return [LEAT, "run", job, "--memory", "256MB", "--quiet"]


def leat_whole(db):
    return [LEAT, "run", leat_job(db, "lineitem", "lake"), "--memory", "256MB", "--quiet"]


DUCKDB = """
import duckdb, importlib.util, pathlib
folder = pathlib.Path(importlib.util.find_spec("duckdb_extension_sqlite_scanner").origin).parent
c = duckdb.connect(config={{"autoinstall_known_extensions": False}})
c.execute("LOAD '%s'" % next(folder.rglob("*.duckdb_extension")))
{settings}
c.execute("COPY (SELECT * FROM sqlite_scan('{db}', 'lineitem')) TO '{to}' (FORMAT parquet, COMPRESSION zstd,"
          " COMPRESSION_LEVEL 1{words})")
"""


def duckdb(settings):
    words = ", PARTITION_BY (l_shipdate)"
    return lambda db: python(DUCKDB.format(settings=settings, db=db, to=f"{OUT}/duckdb", words=words))


def polars(db):
    return python(f"""
import polars as pl
pl.scan_parquet("{PLAIN_FILE}").sink_parquet(
    pl.PartitionBy("{OUT}/polars", key="l_shipdate"), compression="zstd", compression_level=1, mkdir=True)
""")


def pyarrow(db):
    return python(f"""
import pyarrow.dataset as ds
ds.write_dataset(ds.dataset("{PLAIN_FILE}"), "{OUT}/pyarrow", format="parquet", partitioning=["l_shipdate"],
                 partitioning_flavor="hive", max_partitions=10000,
                 file_options=ds.ParquetFileFormat().make_write_options(compression="zstd", compression_level=1))
""")


CONTENDERS = {
    "leat": ("leat run by ship date, --memory 256MB", leat),
    "whole": ("leat run without partitions", leat_whole),
    "duckdb": ("DuckDB", duckdb("c.execute(\"SET partitioned_write_max_open_files = 3000\")")),
    "duckdb256": ("DuckDB, memory_limit 256MB", duckdb("c.execute(\"SET partitioned_write_max_open_files = 3000; SET memory_limit = '256MB'\")")),
    "polars": ("Polars, from Parquet", polars),
    "pyarrow": ("pyarrow, from Parquet", pyarrow),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--only", help="names, as in " + ",".join(CONTENDERS))
    arguments = parser.parse_args()
    db = make_database("1")
    clean()
    if not PLAIN_FILE.exists():
        measure(python(DUCKDB.format(settings="", db=db, to=PLAIN_FILE, words="")))
    print("lineitem, scale 1, by l_shipdate\n")
    print(f"| {'':38} | {'wall s':>7} | {'CPU s':>7} | {'peak MB':>8} | {'files':>7} | {'out MB':>7} |")
    print(f"|{'-' * 40}|{'-' * 8}:|{'-' * 8}:|{'-' * 9}:|{'-' * 8}:|{'-' * 8}:|")
    for name in (arguments.only or ",".join(CONTENDERS)).split(","):
        title, command = CONTENDERS[name]
        best = None
        try:
            for _ in range(arguments.repeat):
                clean()
                found = measure(command(db))
                best = min(best or found, found)
        except (RuntimeError, OSError) as error:
            print(f"| {title:38} | failed: {str(error).splitlines()[-1][:60]} |", flush=True)
            continue
        wall, cpu, peak = best
        print(f"| {title:38} | {wall:7.2f} | {cpu:7.2f} | {peak:8.0f} | {data_files():7} | {written():7.0f} |", flush=True)
    shutil.rmtree(OUT, ignore_errors=True)


if __name__ == "__main__":
    main()
