"""Delta tables that others read by our checkpoints, write to between our runs, and search by our statistics."""

import functools

import deltalake
import pyarrow.parquet
import pytest

import harness
from delta_shop import (
    AT,
    PLACES,
    ROWS_EACH,
    add,
    append_by_deltalake,
    append_by_spark,
    assert_equal,
    checkpoint_file,
    checkpoints,
    foreign_rows,
    hint,
    load,
    make,
    without_old_json,
)
from readers import READERS, duckdb_delta, log, spark_delta

RUNS = 25


# ---- checkpoints ----


@pytest.fixture(scope="module", params=AT)
def long_log(request, tmp_path_factory):
    """25 runs, the 13th of which replaced everything. Checkpoints: 10 and 20."""
    shop = make(harness.Shop(tmp_path_factory.mktemp("long") / "shop"), AT[request.param])
    first = load(shop, 12)
    shop.run("--mode", "full-refresh")
    load(shop, RUNS - 13, first)
    return shop


def test_every_tenth_version_has_a_checkpoint_and_the_hint_names_the_last(long_log):
    table = long_log.table("t")
    assert log.versions(table) == list(range(RUNS))
    assert checkpoints(table) == [10, 20]
    rows = pyarrow.parquet.read_table(checkpoint_file(table, 20)).to_pylist()
    adds = [r for r in rows if r["add"]]
    assert hint(table) == {
        "version": 20,
        "size": len(rows),
        "sizeInBytes": checkpoint_file(table, 20).stat().st_size,
        "numOfAddFiles": len(adds),
    }


@pytest.mark.parametrize("version", [10, 20])
def test_a_checkpoint_holds_the_reconciled_state(long_log, version):
    table = long_log.table("t")
    state = log.snapshot(table, at=version)
    rows = pyarrow.parquet.read_table(checkpoint_file(table, version)).to_pylist()
    found = {kind: [r[kind] for r in rows if r[kind]] for kind in ("txn", "add", "remove", "metaData", "protocol")}
    assert sum(map(len, found.values())) == len(rows), "a row holds one action"

    assert len(found["add"]) == len(state.files)
    for entry in found["add"]:
        expected = {**state.files[entry["path"]], "dataChange": False, "tags": None}
        assert {**entry, "partitionValues": dict(entry["partitionValues"])} == expected
    removed = {
        a["remove"]["path"]: a["remove"]
        for actions in state.commits.values()
        for a in actions
        if "remove" in a
    }
    assert len(removed) == (0 if version == 10 else len(found["remove"]))
    for entry in found["remove"]:
        expected = {**removed.pop(entry["path"]), "dataChange": False}
        assert {**entry, "partitionValues": dict(entry["partitionValues"])} == expected
    assert not removed
    assert {t["appId"]: t["version"] for t in found["txn"]} == state.transactions

    (metadata,), (protocol,) = found["metaData"], found["protocol"]
    assert metadata["partitionColumns"] == ["place"] and metadata["createdTime"]
    assert {k: metadata[k] for k in ("id", "schemaString")} == {k: state.metadata[k] for k in ("id", "schemaString")}
    assert metadata["format"] == {"provider": "parquet", "options": []} and metadata["configuration"] == []
    assert {k: v for k, v in protocol.items() if v is not None} == state.protocol


@pytest.mark.parametrize("reader", READERS)
def test_a_reader_goes_by_our_checkpoint_where_the_json_is_gone(long_log, tmp_path, reader):
    copy = without_old_json(long_log.table("t"), tmp_path / "copy")
    assert log.versions(copy)[0] == 20
    assert_equal(long_log, copy, readers=[reader], statistics=False)


def test_a_checkpoint_that_cannot_be_written_is_a_note_and_no_failure(shop):
    make(shop)
    first = load(shop, 10)
    checkpoint_file(shop.table("t"), 10).mkdir()  # no file can have the name
    (shop.table("t") / "_delta_log" / "_last_checkpoint").mkdir()
    add(shop, first, first + 1)
    result = shop.run()
    assert "checkpoint" in result.out + result.err
    checkpoint_file(shop.table("t"), 10).rmdir()
    (shop.table("t") / "_delta_log" / "_last_checkpoint").rmdir()
    load(shop, 1, first + 1)
    assert checkpoints(shop.table("t")) == [11], "the next run makes up for it"
    assert_equal(shop, readers=["pyarrow", "duckdb"])


# ---- other writers ----

WRITERS = {"deltalake": append_by_deltalake, "spark": append_by_spark}


@pytest.mark.parametrize("writer", WRITERS)
def test_others_append_behind_our_checkpoint_and_we_go_on(shop, writer):
    make(shop)
    first = load(shop, 11)
    assert checkpoints(shop.table("t")) == [10]
    WRITERS[writer](shop, -1)
    first = load(shop, 2, first)
    WRITERS[writer](shop, -2)
    load(shop, 8, first)
    assert 20 in checkpoints(shop.table("t")), "the version was ours to tell"
    assert_equal(shop, statistics=False)


def test_a_checkpoint_by_deltalake_is_left_alone_and_counts(shop):
    make(shop)
    first = load(shop, 5)
    deltalake.DeltaTable(str(shop.table("t"))).create_checkpoint()
    theirs = checkpoint_file(shop.table("t"), 4).read_bytes()
    load(shop, 11, first)
    assert checkpoints(shop.table("t")) == [4, 14]
    assert checkpoint_file(shop.table("t"), 4).read_bytes() == theirs
    assert_equal(shop, readers=["pyarrow", "duckdb", "polars"])


def test_a_checkpoint_by_spark_is_left_alone_and_counts(shop):
    make(shop)
    first = load(shop, 10)
    append_by_spark(shop, -1)  # version 10: Spark writes a checkpoint of it
    assert checkpoints(shop.table("t")) == [10] and hint(shop.table("t"))["version"] == 10
    first = load(shop, 10, first)
    assert checkpoints(shop.table("t")) == [10, 20] and hint(shop.table("t"))["version"] == 20
    append_by_spark(shop, -2)  # upon ours
    load(shop, 1, first)
    assert_equal(shop, statistics=False)


def test_a_checkpoint_holds_what_others_wrote_of_their_files(shop, tmp_path):
    """Tags, paths encoded in another way, application ids: a copy without the JSON has them all."""
    make(shop)
    first = load(shop, 9)
    deltalake.write_deltalake(
        str(shop.table("t")),
        foreign_rows(shop, -3),
        mode="append",
        commit_properties=deltalake.CommitProperties(app_transactions=[deltalake.Transaction("theirs", 42)]),
    )
    load(shop, 1, first)
    copy = without_old_json(shop.table("t"), tmp_path / "copy")
    assert deltalake.DeltaTable(str(copy)).transaction_version("theirs") == 42
    assert_equal(shop, copy, readers=["pyarrow", "duckdb", "polars"], statistics=False)


def test_files_rewritten_by_spark_without_a_change_of_rows_hold_nothing(shop):
    make(shop)
    first = load(shop, 6)
    spark = spark_delta.session()
    spark.sql(f"OPTIMIZE delta.`{shop.table('t')}`")
    files = len(log.snapshot(shop.table("t")).files)
    assert files < 6 * len(PLACES), "Spark joined files"
    first = load(shop, 6, first)
    assert_equal(shop, statistics=False)
    assert hint(shop.table("t"))["numOfAddFiles"] == len(log.snapshot(shop.table("t"), at=10).files)
    spark.sql(f"OPTIMIZE delta.`{shop.table('t')}`")
    shop.run("--mode", "full-refresh")
    assert len(log.snapshot(shop.table("t")).files) == len(PLACES)
    assert_equal(shop)
    load(shop, 1, first)
    assert_equal(shop, readers=["pyarrow"])


# ---- statistics ----

SQL_TYPES = {
    "id": "BIGINT",
    "note": "VARCHAR(100)",
    "price": "DECIMAL(18,2)",
    "seen": "TIMESTAMP",
    "day": "DATE",
    "n": "BIGINT",
}
FILES = 4


@pytest.fixture(scope="module")
def files_in_order(tmp_path_factory):
    """A table of FILES files, each with a range of its own in every column."""
    shop = make(harness.Shop(tmp_path_factory.mktemp("files") / "shop"), partition="")
    load(shop, FILES)
    assert len(log.snapshot(shop.table("t")).files) == FILES
    return shop


def bounds(shop):
    """(column, value as text) for the least and the greatest value of each column in each file."""
    found = []
    for column in SQL_TYPES:
        by = f"CAST({column} AS REAL)" if column == "price" else column
        for file in range(FILES):
            where = f"id BETWEEN {file * ROWS_EACH} AND {(file + 1) * ROWS_EACH - 1} AND {column} IS NOT NULL"
            for order in ("ASC", "DESC"):
                ((value,),) = shop.query(f"SELECT {column} FROM t WHERE {where} ORDER BY {by} {order} LIMIT 1")
                found.append((column, str(value)))
    return found


def union(shop, from_table, types):
    parts = [
        f"SELECT {i} AS k, id FROM {from_table} WHERE {column} {operator} CAST('{value}' AS {types[column]})"
        for i, (column, value, operator) in enumerate(searches(shop))
    ]
    return " UNION ALL ".join(parts)


def searches(shop):
    return [(column, value, operator) for column, value in bounds(shop) for operator in ("=", "<=", ">")]


@functools.cache
def expected(shop):
    """(search, id) as SQLite finds them, with numbers compared as numbers and text as text."""
    rows = []
    for i, (column, value, operator) in enumerate(searches(shop)):
        kind = {"price": "REAL", "id": "INTEGER", "n": "INTEGER"}.get(column, "TEXT")
        query = f"SELECT id FROM t WHERE CAST({column} AS {kind}) {operator} CAST('{value}' AS {kind})"
        rows += [(i, id) for (id,) in shop.query(query)]
    return sorted(rows)


def test_duckdb_finds_the_rows_at_the_bounds_of_every_file(files_in_order):
    shop = files_in_order
    types = {**SQL_TYPES, "seen": "TIMESTAMPTZ"}
    with duckdb_delta.connect() as connection:
        scan = f"delta_scan('{shop.table('t')}')"
        assert sorted(connection.execute(union(shop, scan, types)).fetchall()) == expected(shop)
        plan = connection.execute(f"EXPLAIN ANALYZE SELECT * FROM {scan} WHERE id = {ROWS_EACH}").fetchone()[1]
    assert f"1/{FILES}" in plan, "files are skipped"


def test_spark_finds_the_rows_at_the_bounds_of_every_file(files_in_order):
    shop = files_in_order
    spark = spark_delta.session()
    found = spark.sql(union(shop, f"delta.`{shop.table('t')}`", {**SQL_TYPES, "note": "STRING"})).collect()
    assert sorted(tuple(r) for r in found) == expected(shop)
