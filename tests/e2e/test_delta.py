"""Delta tables that others read by our checkpoints, write to between our runs, and search by our statistics."""

import datetime
import decimal
import functools
import json
import shutil

import deltalake
import pyarrow
import pyarrow.parquet
import pytest

import harness
from readers import READERS, canonical, compare, duckdb_delta, log, spark_delta

TABLE = """
CREATE TABLE t (
    id    INTEGER PRIMARY KEY,
    place TEXT,
    note  TEXT,
    price DECIMAL(18,2),
    seen  TIMESTAMP,
    day   DATE,
    n     INTEGER
);
"""
PLACES = ["NYC", None, "a/b=c", "Zürich", "x y%z"]
RUNS = 25
ROWS_EACH = 10
AT = {"instants": "timestamptz", "wall clocks": "timestamp"}  # the second makes a table with features


def row(i: int, zone="Z") -> tuple:
    at = datetime.datetime(2013, 11, 28, 23, 59, 59, 123456) + datetime.timedelta(hours=i, microseconds=i)
    return (
        i,
        PLACES[i % len(PLACES)],
        None if i % 7 == 0 else "a text of more than thirty-two characters, number %05d" % i,
        None if i % 5 == 0 else str(decimal.Decimal(i - 100).scaleb(-2)),
        None if i % 9 == 0 else at.isoformat(" ") + zone,
        None if i % 8 == 0 else at.date().isoformat(),
        -i,
    )


def add(shop, first, last):
    shop.sql("INSERT INTO t VALUES (?,?,?,?,?,?,?)", (row(i, shop.zone) for i in range(first, last)))


def make(shop, at="timestamptz", partition="partition_by: place"):
    shop.zone = "Z" if at == "timestamptz" else ""
    shop.sql("PRAGMA journal_mode = WAL;" + TABLE)
    shop.write_job(
        f"""
        t:
          mode: incremental
          update_key: id
          {partition}
          columns: {{seen: {{type: {at}}}}}
        """
    )
    return shop


def load(shop, runs, first=0):
    """RUNS runs with ROWS_EACH rows each; the next row's number."""
    for _ in range(runs):
        add(shop, first, first + ROWS_EACH)
        shop.run()
        first += ROWS_EACH
    return first


def assert_equal(shop, table=None, readers=None, statistics=True):
    compare.assert_equal_to_source(
        table or shop.table("t"), shop.db, "SELECT * FROM t", readers=readers, statistics=statistics
    )


def hint(table):
    return json.loads((table / "_delta_log" / "_last_checkpoint").read_text())


def checkpoint_file(table, version):
    return table / "_delta_log" / f"{version:020}.checkpoint.parquet"


def checkpoints(table):
    return sorted(int(p.name[:20]) for p in (table / "_delta_log").glob("*.checkpoint*.parquet"))


def without_old_json(table, to):
    """A copy of TABLE as a log cleaner leaves it: no JSON below its last checkpoint."""
    shutil.copytree(table, to)
    for version in log.versions(to):
        if version < hint(to)["version"]:
            (to / "_delta_log" / f"{version:020}.json").unlink()
    return to


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


def test_a_log_cut_off_behind_a_checkpoint_is_refused_by_name(shop):
    make(shop)
    load(shop, 11)
    table = shop.table("t")
    for version in range(10):
        (table / "_delta_log" / f"{version:020}.json").unlink()
    add(shop, 1000, 1001)
    result = shop.run(expect=harness.HELD)
    told = result.json["streams"][0]["error"]["message"] if "streams" in result.json else result.out
    assert "begins at version 10" in told and "checkpoint of version 10" in told and str(table) in told
    assert log.versions(table) == [10], "nothing was published"


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

ARROW = pyarrow.schema(
    [
        ("id", pyarrow.int64()),
        ("place", pyarrow.string()),
        ("note", pyarrow.string()),
        ("price", pyarrow.decimal128(18, 2)),
        ("seen", pyarrow.timestamp("us", "UTC")),
        ("day", pyarrow.date32()),
        ("n", pyarrow.int64()),
    ]
)


def foreign_rows(shop, i):
    """Row I as another writer has it; the source gets it too, below the watermark, so that both stay equal."""
    shop.sql("INSERT INTO t VALUES (?,?,?,?,?,?,?)", [row(i)])
    values = [canonical.from_source(value, field.type) for value, field in zip(row(i), ARROW)]
    return pyarrow.Table.from_pylist([dict(zip(ARROW.names, values))], schema=ARROW)


def append_by_deltalake(shop, i):
    deltalake.write_deltalake(str(shop.table("t")), foreign_rows(shop, i), mode="append")


def append_by_spark(shop, i):
    frame = spark_delta.session().createDataFrame(foreign_rows(shop, i))
    frame.write.format("delta").mode("append").partitionBy("place").save(str(shop.table("t")))


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


def test_a_checkpoint_of_our_version_by_another_is_never_overwritten(shop):
    make(shop)
    first = load(shop, 10)
    checkpoint_file(shop.table("t"), 10).write_bytes(b"another writer's")
    load(shop, 1, first)
    assert checkpoint_file(shop.table("t"), 10).read_bytes() == b"another writer's"
    assert not (shop.table("t") / "_delta_log" / "_last_checkpoint").exists()


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
