"""Peak resident memory stays within the budget and 64 MB, whatever the data; and the rows are right all the same.

The same sources at full size: bench/memory.py."""

import hashlib
import os
import shutil

import duckdb
import pyarrow.parquet
import pytest

import harness
import heavy
from harness import FAILED, USAGE
from readers import log

ALLOWANCE = 64 * heavy.MB
LONG = pytest.mark.skipif(os.environ.get("LEAT_TORTURE") != "all", reason="10,000 files: make torture")


@pytest.fixture
def shop(shop):
    """Emptied when the test is over: gigabytes in all."""
    yield shop
    shutil.rmtree(shop.folder)


def load(shop, megabytes, options="", *arguments):
    """Run, and see to the promise."""
    shop.write_job(f"t: {{mode: full-refresh, {options}}}")
    report = shop.run("--memory", f"{megabytes}MB", *arguments, timeout=300).json
    peak = report["peak_memory_bytes"]
    print(f"\npeak {peak / heavy.MB:.0f} MB, budget {megabytes} MB", end=" ")
    assert peak <= megabytes * heavy.MB + ALLOWANCE
    return report["streams"][0]


def files(shop):
    table = shop.table("t")
    return [str(log.data_file(table, path)) for path in log.snapshot(table).files]


def assert_sums(shop, wanted):
    """WANTED, aggregates that SQLite and DuckDB both know, come to the same in the source and in the files."""
    (expected,) = shop.query(f"SELECT {wanted} FROM t")
    with duckdb.connect(config={"threads": 2}) as duck:
        (found,) = duck.execute(f"SELECT {wanted} FROM read_parquet(?, hive_partitioning = false)", [files(shop)]).fetchall()
    assert tuple(map(float, found)) == pytest.approx(tuple(map(float, expected)), rel=1e-9)


def assert_statistics_told(shop):
    """What was put aside of each file came back to its file: rows, and the bounds of its id."""
    table = shop.table("t")
    adds = log.snapshot(table).files
    for path in [*adds][:: max(1, len(adds) // 50)]:
        told = log.json.loads(adds[path]["stats"])
        data = pyarrow.parquet.read_table(log.data_file(table, path))
        assert told["numRecords"] == data.num_rows
        for name, least in told["minValues"].items():
            if isinstance(least, int):
                assert least == min(v for v in data[name].to_pylist() if v is not None)


# ---- columns ----


@pytest.mark.parametrize("megabytes", [64, 256])
def test_1600_columns(shop, megabytes):
    heavy.wide(shop, 1600, 6000)
    stream = load(shop, megabytes)
    assert stream["files"] == 1
    assert_sums(shop, "count(*), sum(c0002), sum(c0003), count(c0001), sum(length(c1597)), count(c1599), sum(c1598)")


def test_1600_columns_in_400_partitions(shop):
    options = heavy.wide(shop, 1600, 1200, 400)
    assert load(shop, 64, options)["files"] == 400
    assert_sums(shop, "count(*), sum(c0003), sum(length(c1597)), count(c1599), sum(c1598)")
    assert_statistics_told(shop)


def test_300_columns_in_1500_partitions(shop):
    """Statistics of new files alone were 150 MB."""
    options = heavy.wide(shop, 300, 3000, 1500)
    assert load(shop, 64, options)["files"] == 1500
    assert_sums(shop, "count(*), sum(c0003), sum(length(c0297)), count(c0299), sum(c0298)")
    assert_statistics_told(shop)


# ---- values ----


def digests(rows):
    return {
        key: tuple(None if v is None else hashlib.sha256(v if isinstance(v, bytes) else v.encode()).hexdigest() for v in values)
        for key, *values in rows
    }


def assert_large_values_equal(shop, least):
    kept = []
    for path in files(shop):
        data = pyarrow.parquet.ParquetFile(path, page_checksum_verification=True)
        for batch in data.iter_batches(batch_size=16, columns=["id", "raw", "words"]):
            rows = zip(*(batch.column(name).to_pylist() for name in ("id", "raw", "words")))
            kept += digests((row for row in rows if len(row[1]) >= least)).items()
    wanted = {}
    for (key,) in shop.query(f"SELECT id FROM t WHERE length(raw) >= {least}"):
        wanted |= digests(shop.query(f"SELECT id, raw, words FROM t WHERE id = {key}"))
    assert dict(kept) == wanted and len(kept) == len(wanted) > 0


@pytest.mark.parametrize(
    "megabytes, options",
    [(50, ""), (50, "partition_by: 'truncate(note, 3)'"), (8, "partition_by: 'truncate(note, 3)'")],
)
def test_large_values_in_two_workers(shop, megabytes, options):
    """Two of them in a row; a second split has some as well."""
    heavy.huge(shop, megabytes, rows=4)
    load(shop, 256, options, "--workers", "2", "--readers", "2")
    assert_large_values_equal(shop, megabytes * heavy.MB)
    assert_sums(shop, "count(*), sum(id), sum(length(words)), count(words)")


def test_a_value_of_a_third_of_the_budget(shop):
    heavy.huge(shop, 85, rows=2, texts=False)
    load(shop, 256)
    assert_large_values_equal(shop, 85 * heavy.MB)


@pytest.mark.parametrize(
    "megabytes, texts, said",
    [
        (86, False, "a value of 86.0 MB; the limit is 85.3 MB, a third of the memory budget"),
        (60, True, "a value of 60.0 MB does not fit"),
        (300, False, "a value of"),
    ],
)
def test_what_is_too_large_is_named(shop, megabytes, texts, said):
    heavy.huge(shop, megabytes, rows=1, texts=texts, small_rows=10)
    shop.sql("UPDATE t SET id = 4711 WHERE id = 0")
    shop.write_job("t: {mode: full-refresh}")
    report = shop.run("--memory", "256MB", expect=FAILED).json
    message = report["streams"][0]["error"]["message"]
    assert said in message and "--memory" in message
    assert "main.t" in message and "4711" in message and f'column "{"words" if texts else "raw"}"' in message
    assert report["peak_memory_bytes"] <= 256 * heavy.MB + ALLOWANCE
    assert not list(shop.lake.rglob("*.parquet"))


def test_one_value_over_and_over(shop):
    heavy.one_value(shop, rows=200_000)
    load(shop, 64)
    assert_sums(shop, "count(*), sum(small), sum(whole), sum(fraction), sum(length(words)), count(absent)")


def test_texts_that_come_late(shop):
    """The first rows show nothing of what the texts of the others take, and in one split all of it stands side by side."""
    columns = [f"c{i:02}" for i in range(60)]
    shop.sql(f"CREATE TABLE t ({', '.join(f'{name} INTEGER' for name in columns)}, words TEXT)")
    shop.sql(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 4999)"
        f" INSERT INTO t SELECT {', '.join('i' for _ in columns)}, CASE WHEN i >= 600 THEN hex(randomblob(8000)) END FROM n"
    )
    shop.write_job("t: {mode: full-refresh, query: SELECT * FROM t}")
    peak = shop.run("--memory", "64MB", "--readers", "1").json["peak_memory_bytes"]
    assert peak < 56 * heavy.MB  # the share of the one task
    assert_sums(shop, "count(*), sum(c00), sum(c59), sum(length(words)), count(words)")


# ---- partitions ----


@pytest.mark.parametrize("partitions, megabytes", [(2526, 64), pytest.param(10000, 64, marks=LONG)])
def test_wide_rows_in_partitions_of_random_order(shop, partitions, megabytes):
    options = heavy.partitioned(shop, partitions, 15000)
    stream = load(shop, megabytes, options)
    assert stream["files"] == stream["partitions"] == partitions
    assert_sums(shop, "count(*), sum(id), sum(c002), sum(length(c003)), sum(c058), sum(length(c059))")


def test_more_partitions_than_the_budget_has_room_for(shop):
    """Each partition and its file has a name that stays in memory: an eighth of the budget is for them."""
    shop.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER)")
    shop.sql("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) INSERT INTO t SELECT i, i FROM n")
    shop.write_job("t: {mode: full-refresh, partition_by: [id]}")
    result = shop.run("--memory", "64MB", expect=USAGE)
    assert "choose a coarser partition_by, or give more with --memory" in result.err
    assert not shop.table("t").exists() or not (shop.table("t") / "_delta_log").exists()


def test_pieces_of_many_splits_leave_memory(shop):
    """More pieces than the part of the budget that is theirs: they go to the staging area, and come back."""
    shop.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, day INTEGER, v REAL)")
    shop.sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600000)"
        " INSERT INTO t SELECT i, i * 7919 % 6000, i * 0.5 FROM n"
    )
    load(shop, 64, "partition_by: [day as day_part]", "--workers", "2")
    assert_sums(shop, "count(*), sum(id), sum(day), sum(v), count(DISTINCT day), sum(id * day)")
