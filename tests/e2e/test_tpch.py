"""TPC-H orders and lineitem through a job written as the design shows it, read back by everybody.

LEAT_TPCH_SCALE=1 does it in earnest: rows are compared by a fingerprint, so six million are no trouble.
"""

import os
import sqlite3
import sys

import duckdb
import pyarrow
import pytest

import harness
from readers import READERS, canonical, log

sys.path.insert(0, str(harness.ROOT / "bench"))
import lineitem as tpch  # noqa: E402

SCALE = os.environ.get("LEAT_TPCH_SCALE", "0.01")
TABLES = ["orders", "lineitem"]


def fingerprint(table: pyarrow.Table | pyarrow.RecordBatchReader, columns):
    """Rows, and a sum over rows of a hash of all their values as text: equal for equal multisets."""
    texts = ", ".join(f"coalesce(cast({name} AS VARCHAR), 'NULL')" for name in columns)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("t", table)
        return connection.execute(f"SELECT count(*), sum(hash({texts})::HUGEINT) FROM t").fetchone()


def source_batches(db, table, schema):
    """The rows of the source, typed as SCHEMA says."""
    connection = sqlite3.connect(db)
    cursor = connection.execute(f"SELECT {', '.join(schema.names)} FROM {table}")
    while chunk := cursor.fetchmany(100_000):
        columns = [
            pyarrow.array([canonical.from_source(value, field.type) for value in values], field.type)
            for values, field in zip(zip(*chunk), schema)
        ]
        yield pyarrow.record_batch(columns, schema=schema)
    connection.close()


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    if not harness.LEAT.exists():
        pytest.skip(f"no {harness.LEAT}; build it or set LEAT")
    db = tpch.make_database(SCALE)
    shop = harness.Shop(tmp_path_factory.mktemp("tpch"))
    shop.job.write_text(
        f"""source: sqlite://{db}
target: file://{shop.lake}
defaults:
  table: delta
  compression: zstd:1
streams:
  orders:
    mode: incremental
    primary_key: [o_orderkey]
    update_key: o_orderkey
    partition_by: year(o_orderdate)
    checks: {{row_count: {{min: 1}}, not_null: [o_orderkey]}}
  lineitem:
    mode: full-refresh
    partition_by: month(l_shipdate)
    file_size: 256MB
"""
    )
    shop.run("--memory", "256MB", timeout=600)
    return shop, db


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("reader", READERS)
def test_every_reader_finds_the_rows_of_tpch(loaded, reader, table):
    shop, db = loaded
    read = READERS[reader](shop.table(table))
    names = [name for name in read.column_names if name.startswith(("o_", "l_")) and not name.endswith(("_year", "_month"))]
    read = read.select(names)
    plain = pyarrow.schema([(f.name, pyarrow.string() if "string" in str(f.type) else f.type) for f in read.schema])
    source = pyarrow.RecordBatchReader.from_batches(plain, source_batches(db, table, plain))
    assert fingerprint(read, names) == fingerprint(source, names)


@pytest.mark.parametrize("table", TABLES)
def test_statistics_of_tpch_are_true(loaded, table):
    shop, _ = loaded
    assert log.statistics_errors(shop.table(table)) == []
