"""TPC-H lineitem by ship date: 2,526 partitions, their rows in random order.

    python bench/by_day.py [--repeat 1] [--only NAME,...]

leat and DuckDB read the SQLite table; Polars and pyarrow, which have no good reader for it, are given the rows as one
zstd Parquet file and so are spared that part. Wall clock, CPU seconds, peak memory and the number of files.
"""

import argparse
import sys

from contest import CACHE, LEAT, OUT, contest, count_rows, leat_job, make_database, measure, options, python, version

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
                 partitioning_flavor="hive", max_partitions=10000, max_open_files=3000, min_rows_per_group=5000,
                 max_rows_per_group=500000,
                 file_options=ds.ParquetFileFormat().make_write_options(compression="zstd", compression_level=1))
""")


CONTENDERS = {
    "leat": ("leat run by ship date, --memory 256MB", leat),
    "whole": ("leat run without partitions", leat_whole),
    "duckdb": (f"DuckDB{version('duckdb')}", duckdb("c.execute(\"SET partitioned_write_max_open_files = 3000\")")),
    "duckdb256": (f"DuckDB{version('duckdb')}, memory_limit 256MB", duckdb("c.execute(\"SET partitioned_write_max_open_files = 3000; SET memory_limit = '256MB'\")")),
    "polars": (f"Polars{version('polars')}, from Parquet", polars),
    "pyarrow": (f"pyarrow{version('pyarrow')}, from Parquet", pyarrow),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options(parser, CONTENDERS, repeat=1)
    arguments = parser.parse_args()
    db = make_database("1")
    if not PLAIN_FILE.exists():
        measure(python(DUCKDB.format(settings="", db=db, to=PLAIN_FILE, words="")))
    print("lineitem, scale 1, by l_shipdate\n")
    rows = count_rows(db, "lineitem")
    return 0 if contest(CONTENDERS, arguments, db, count_files=True, rows=rows) else 1


if __name__ == "__main__":
    sys.exit(main())
