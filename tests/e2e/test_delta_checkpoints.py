"""Tables whose old versions are told by a checkpoint alone: written by Spark, delta-rs and leat, whole and damaged."""

import json
import os
import shutil

import deltalake
import pytest

import harness
from delta_shop import (
    PLACES,
    ROWS_EACH,
    add,
    append_by_deltalake,
    append_by_spark,
    assert_equal,
    checkpoint_file,
    checkpoints,
    hint,
    load,
    make,
    without_old_json,
)
from readers import log, spark_delta

TOP_LEVEL = "spark.databricks.delta.checkpointV2.topLevelFileFormat"
PART_SIZE = "spark.databricks.delta.checkpoint.partSize"


# ---- who writes them ----


def by_spark(table, **conf):
    spark = spark_delta.session()
    for key, value in conf.items():
        spark.conf.set(key, value)
    delta_log = spark._jvm.org.apache.spark.sql.delta.DeltaLog
    delta_log.clearCache()  # else of the version it saw last
    delta_log.forTable(spark._jsparkSession, str(table)).checkpoint()
    for key in conf:
        spark.conf.unset(key)


def by_deltalake(table):
    deltalake.DeltaTable(str(table)).create_checkpoint()


WRITERS = {
    "spark": by_spark,
    "spark, in parts": lambda table: by_spark(table, **{PART_SIZE: "4"}),
    "spark, v2 rows": lambda table: by_spark(table, **{TOP_LEVEL: "parquet"}),
    "spark, v2 lines": lambda table: by_spark(table, **{TOP_LEVEL: "json"}),
    "deltalake": by_deltalake,
}
FILES = {
    "spark": "{:020}.checkpoint.parquet",
    "spark, in parts": "{:020}.checkpoint.0000000001.*.parquet",
    "spark, v2 rows": "{:020}.checkpoint.????????-*.parquet",
    "spark, v2 lines": "{:020}.checkpoint.????????-*.json",
    "deltalake": "{:020}.checkpoint.parquet",
}


def let_spark_write_v2(shop):
    """A change of the table's properties holds our stream until the user chooses; then it goes on."""
    spark_delta.session().sql(
        f"ALTER TABLE delta.`{shop.table('t')}` SET TBLPROPERTIES ('delta.checkpointPolicy' = 'v2')"
    )
    assert "changed the table's schema or properties" in shop.run(expect=harness.HELD).out
    add(shop, 5000, 5000 + ROWS_EACH)
    shop.run("--accept-foreign")


def remove_json(table, below):
    for version in log.versions(table):
        if version < below:
            (table / "_delta_log" / f"{version:020}.json").unlink()
            (table / "_delta_log" / f".{version:020}.json.crc").unlink(missing_ok=True)


def newest(table):
    return log.versions(table)[-1]


def live(table, folder):
    return [path for path in deltalake.DeltaTable(str(table)).file_uris() if folder in path]


def told_by_status(shop):
    return shop.leat("status", shop.job, "--json").json["tables"][0]


@pytest.mark.parametrize("writer", WRITERS)
def test_a_stream_goes_on_from_a_checkpoint(shop, writer):
    make(shop)
    table = shop.table("t")
    first = load(shop, 3)
    if "v2" in writer:
        let_spark_write_v2(shop)
        first = 6000
    at = newest(table)
    WRITERS[writer](table)
    assert list((table / "_delta_log").glob(FILES[writer].format(at))), "the test has what it is about"
    remove_json(table, at)
    assert log.versions(table) == [at]

    shop.run()
    assert newest(table) == at, "nothing new: no version"
    first = load(shop, 2, first)
    assert_equal(shop, readers=["pyarrow"], statistics=False)

    first = load(shop, 8, first)
    assert hint(table)["version"] == at + 10, "ours, from theirs and the JSON behind it"
    remove_json(table, at + 10)
    others = [] if "v2" in writer else ["polars"]  # which refuses tables that may have such checkpoints
    assert_equal(shop, readers=["pyarrow", "duckdb", "spark", *others], statistics=False)

    shop.run("--partitions", "NYC")
    assert len(live(table, "place=NYC")) == 1, "files of the checkpoint gave way to one"
    assert_equal(shop, readers=["pyarrow"], statistics=False)

    shop.run("--mode", "full-refresh")
    assert_equal(shop, readers=["pyarrow"], statistics=False)
    removed = shop.leat("vacuum", table, "--keep", "0s")
    assert removed.code == 0, removed
    assert len(list(table.glob("place=*/*.parquet"))) == len(PLACES)
    load(shop, 1, first)
    assert_equal(shop, readers=["pyarrow", "duckdb"], statistics=False)


def test_our_own_checkpoint_is_read_back(shop):
    make(shop, "timestamp")  # a table with features
    table = shop.table("t")
    first = load(shop, 12)
    remove_json(table, 10)
    first = load(shop, 10, first)
    assert checkpoints(table) == [10, 20]
    remove_json(table, 20)
    checkpoint_file(table, 10).unlink()
    load(shop, 1, first)
    assert_equal(shop, readers=["pyarrow", "duckdb", "polars"], statistics=False)


def test_rows_of_others_in_a_checkpoint_stay(shop):
    make(shop)
    table = shop.table("t")
    first = load(shop, 2)
    append_by_spark(shop, -1)
    append_by_deltalake(shop, -2)
    first = load(shop, 1, first)
    by_deltalake(table)
    remove_json(table, newest(table))
    load(shop, 10, first)
    assert checkpoints(table) == [4, 14]
    assert_equal(shop, readers=["pyarrow", "duckdb"], statistics=False)


def test_statistics_in_columns_alone_are_not_lost(shop):
    """Spark may keep statistics in no other form: such a state is left for Spark to write, and rows are counted."""
    make(shop)
    table = shop.table("t")
    first = load(shop, 2)
    properties = "'delta.checkpoint.writeStatsAsStruct' = 'true', 'delta.checkpoint.writeStatsAsJson' = 'false'"
    spark_delta.session().sql(f"ALTER TABLE delta.`{table}` SET TBLPROPERTIES ({properties})")
    shop.run("--accept-foreign", "--mode", "full-refresh")
    by_spark(table)
    at = newest(table)
    remove_json(table, at)
    status = told_by_status(shop)
    assert status["rows"] == first, status
    add(shop, first, first + 1)
    shop.run()
    load(shop, 10 + at - newest(table), first + 1)
    assert checkpoints(table) == [at], "ours would have no statistics"
    assert_equal(shop, readers=["pyarrow", "spark"], statistics=False)


# ---- what can't be seen ----


def told(result):
    return result.out + result.err


def test_versions_of_others_that_only_a_checkpoint_tells_hold_the_run(shop):
    make(shop)
    table = shop.table("t")
    first = load(shop, 2)
    append_by_deltalake(shop, -1)
    append_by_deltalake(shop, -2)
    by_deltalake(table)
    remove_json(table, newest(table))
    add(shop, first, first + ROWS_EACH)
    held = shop.run(expect=harness.HELD)
    assert "begins at version 3" in told(held) and "clean-up" in told(held) and "--accept-foreign" in told(held)
    assert newest(table) == 3
    shop.run("--accept-foreign")  # from the watermark on
    assert_equal(shop, readers=["pyarrow", "duckdb"], statistics=False)
    load(shop, 1, first + ROWS_EACH)
    assert_equal(shop, readers=["pyarrow"], statistics=False)


# ---- damaged ----


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Twelve versions, checkpoints of 10 by us and of 11 by delta-rs. Tests damage copies of the table."""
    shop = make(harness.Shop(tmp_path_factory.mktemp("sound") / "shop"))
    load(shop, 12)
    by_deltalake(shop.table("t"))
    return shop


def damaged(sound, tmp_path, keep_json):
    """The shop at a new place, whose stream goes on there."""
    shop = harness.Shop(tmp_path / "damaged")
    shutil.copytree(sound.folder, shop.folder, dirs_exist_ok=True)
    shop.zone = sound.zone
    add(shop, 1000, 1000 + ROWS_EACH)
    if not keep_json:
        checkpoint_file(shop.table("t"), 10).unlink()
        remove_json(shop.table("t"), 11)
    return shop


def cut_in_half(path):
    os.truncate(path, path.stat().st_size // 2)


def cut_before_the_tail(path):
    os.truncate(path, path.stat().st_size - 1)


def empty(path):
    path.write_bytes(b"")


def garbage(path):
    path.write_bytes(bytes(range(256)) * 64)


def another_file(path):
    """Parquet, but no checkpoint."""
    path.write_bytes(next(path.parent.parent.glob("place=*/*.parquet")).read_bytes())


def no_definition(path):
    import pyarrow.parquet

    rows = pyarrow.parquet.read_table(path)
    pyarrow.parquet.write_table(rows.filter(pyarrow.compute.is_valid(rows["add"])), path)


def without_columns(path):
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.parquet.read_table(path).drop_columns(["metaData"]), path)


def paths_that_are_numbers(path):
    import pyarrow
    import pyarrow.parquet

    rows = pyarrow.parquet.read_table(path).to_pylist()
    for r in rows:
        if r["add"]:
            r["add"] = {"path": 7, "size": "x"}
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)


DAMAGES = [
    cut_in_half,
    cut_before_the_tail,
    empty,
    garbage,
    another_file,
    no_definition,
    without_columns,
    paths_that_are_numbers,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_costs_nothing_where_the_json_is_whole(sound, tmp_path, damage):
    shop = damaged(sound, tmp_path, keep_json=True)
    damage(checkpoint_file(shop.table("t"), 11))
    shop.run("--accept-foreign")  # the source is at a new place
    shop.run("--mode", "full-refresh")
    assert {"add", "remove"} <= {kind for a in log.snapshot(shop.table("t")).commits[13] for kind in a}
    checkpoint_file(shop.table("t"), 11).unlink()  # readers believe it
    (shop.table("t") / "_delta_log" / "_last_checkpoint").unlink()
    assert_equal(shop, readers=["pyarrow"], statistics=False)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_refused_where_the_json_is_gone(sound, tmp_path, damage):
    shop = damaged(sound, tmp_path, keep_json=False)
    table = shop.table("t")
    damage(checkpoint_file(table, 11))
    before = sorted(p for p in table.rglob("*") if "_leat" not in p.parts)
    for arguments in [(), ("--mode", "full-refresh")]:
        held = shop.run("--accept-foreign", *arguments, expect=harness.HELD)
        assert f"{11:020}.checkpoint.parquet" in told(held) and "restore it" in told(held), held
    assert sorted(p for p in table.rglob("*") if "_leat" not in p.parts) == before, "nothing was published"
    vacuum = shop.leat("vacuum", table, "--keep", "0s")
    assert vacuum.code == harness.HELD, vacuum
    assert sorted(p for p in table.rglob("*") if "_leat" not in p.parts) == before, "nothing was removed"


HINTS = {
    "ahead": '{"version":4000,"size":9}',
    "far ahead": '{"version":9223372036854775807,"size":9}',
    "behind": '{"version":0,"size":1}',
    "below zero": '{"version":-5,"size":1}',
    "of another size": '{"version":11,"size":2147483648,"sizeInBytes":2147483648,"parts":2000000000}',
    "no JSON": '{"version":',
    "empty": "",
    "another shape": "[11]",
    "text": '{"version":"eleven"}',
}


@pytest.mark.parametrize("keep_json", [True, False], ids=["whole", "cut off"])
@pytest.mark.parametrize("lie", HINTS)
def test_a_false_hint_changes_nothing(sound, tmp_path, lie, keep_json):
    shop = damaged(sound, tmp_path, keep_json)
    table = shop.table("t")
    (table / "_delta_log" / "_last_checkpoint").write_text(HINTS[lie])
    shop.run("--accept-foreign")
    shop.run("--mode", "full-refresh")
    assert newest(table) == 13
    removed = [a["remove"]["path"] for a in log.snapshot(table).commits[13] if "remove" in a]
    assert len(removed) == 13 * len(PLACES), "all that was live"


def test_a_part_that_is_missing_is_named(sound, tmp_path):
    shop = damaged(sound, tmp_path, keep_json=False)
    table = shop.table("t")
    whole = checkpoint_file(table, 11)
    part = whole.with_name(f"{11:020}.checkpoint.{1:010}.{2:010}.parquet")
    whole.rename(part)
    assert "version 11 has 1 of its 2 parts" in told(shop.run("--accept-foreign", expect=harness.HELD))
    shutil.copy(part, part.with_name(f"{11:020}.checkpoint.{2:010}.{2:010}.parquet"))
    shop.run("--accept-foreign")


@pytest.fixture(scope="module")
def with_sidecar(tmp_path_factory):
    shop = make(harness.Shop(tmp_path_factory.mktemp("sidecar") / "shop"))
    load(shop, 2)
    let_spark_write_v2(shop)
    by_spark(shop.table("t"), **{TOP_LEVEL: "parquet"})
    return shop


@pytest.mark.parametrize("damage", [os.unlink, cut_in_half, garbage], ids=["missing", "cut", "garbage"])
def test_a_sidecar_that_is_not_whole_is_named(with_sidecar, tmp_path, damage):
    shop = harness.Shop(tmp_path / "damaged")
    shutil.copytree(with_sidecar.folder, shop.folder, dirs_exist_ok=True)
    shop.zone = with_sidecar.zone
    table = shop.table("t")
    (sidecar,) = (table / "_delta_log" / "_sidecars").glob("*.parquet")
    damage(sidecar)
    add(shop, 8000, 8001)
    shop.run("--accept-foreign")  # the JSON is whole
    shop.run("--mode", "full-refresh")
    files = log.snapshot(table).files
    assert 0 < len(files) <= len(PLACES) and newest(table) == 5
    remove_json(table, 3)
    add(shop, 8001, 8002)
    for arguments in [(), ("--mode", "full-refresh")]:
        held = shop.run(*arguments, expect=harness.HELD)
        assert sidecar.name in told(held), held
    assert newest(table) == 5


def test_a_checkpoint_beyond_the_newest_version_holds(sound, tmp_path):
    shop = damaged(sound, tmp_path, keep_json=True)
    shutil.copy(checkpoint_file(shop.table("t"), 11), checkpoint_file(shop.table("t"), 40))
    held = shop.run("--accept-foreign", expect=harness.HELD)
    assert "checkpoint of version 40" in told(held) and "no version after 11" in told(held)


def test_a_table_of_a_feature_in_a_checkpoint_is_refused_by_its_name(shop):
    make(shop)
    table = shop.table("t")
    first = load(shop, 2)
    spark_delta.session().sql(
        f"ALTER TABLE delta.`{table}` SET TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')"
    )
    by_spark(table)
    remove_json(table, newest(table))
    add(shop, first, first + 1)
    held = shop.run("--accept-foreign", expect=harness.HELD)
    assert "deletionVectors" in told(held)
    assert json.loads((table / "_delta_log" / f"{2:020}.json").read_text().splitlines()[0])
