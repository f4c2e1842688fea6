"""What the pipeline promises beyond a single load: watermarks, given partitions, dead and held runs, plans, outcomes."""

import collections
import json
import re

import deltalake
import pytest

import harness
from harness import HELD, SOME_FAILED, USAGE
from readers import compare, log

ALL = "SELECT * FROM orders"
DAILY = "orders: {mode: incremental, update_key: created_at, partition_by: day(created_at)}"


def equal(shop, query=ALL, name="orders"):
    compare.assert_equal_to_source(shop.table(name), shop.db, query, readers=["duckdb"])


def versions(shop, name="orders"):
    return log.versions(shop.table(name))


def tree(folder):
    return {p: p.stat().st_mtime_ns for p in folder.rglob("*") if not p.name.endswith(("-shm", "-wal"))}


def no_garbage(shop, name="orders"):
    """Nothing staged, and every data file is one that some version names."""
    assert shop.staged() == []
    table = shop.table(name)
    named = {str(log.data_file(table, f)) for f in log.snapshot(table).files}
    for version in versions(shop, name):
        for line in (table / "_delta_log" / f"{version:020}.json").read_text().splitlines():
            action = json.loads(line)
            if "remove" in action:
                named.add(str(log.data_file(table, action["remove"]["path"])))
    found = {str(p) for p in table.rglob("*.parquet") if "_delta_log" not in p.parts}
    assert found <= named, found - named


def days_of(shop):
    return [d for (d,) in shop.query("SELECT DISTINCT date(created_at) FROM orders ORDER BY 1")]


# ---- watermarks ----


@pytest.mark.parametrize(
    "kind, values",
    [
        ("DATE", ["2013-01-01", "2013-01-02", "2013-01-02", "2013-01-03"]),
        ("INTEGER", [5, 7, 7, 9]),
        ("TIMESTAMP", ["2013-01-01 00:00:00", "2013-01-01 00:00:00.5", "2013-01-01 00:00:00.5", "2013-01-02 00:00:00"]),
        ("TIMESTAMPTZ", ["2013-01-01 00:00:00Z", "2013-01-01 00:00:01Z", "2013-01-01 00:00:01Z", "2013-01-02 00:00:00Z"]),
    ],
)
def test_keys_of_every_type_are_watermarks_with_ties(shop, kind, values):
    shop.sql(f"CREATE TABLE t (k {kind} NOT NULL, v TEXT)")
    shop.write_job("t: {mode: incremental, update_key: k}")
    for n, known in ((1, 0), (2, 0), (3, 0), (4, 0)):
        shop.sql("INSERT INTO t VALUES (?, 'same')", [(values[n - 1],)])
        assert shop.run().stream()["rows_written"] == 1
        assert shop.run().stream()["outcome"] == "nothing new"
    assert deltalake.DeltaTable(str(shop.table("t"))).to_pyarrow_table().num_rows == 4


def test_equal_rows_at_the_watermark_are_counted_not_merged(shop):
    shop.sql("CREATE TABLE t (k INTEGER NOT NULL, v TEXT)")
    shop.write_job("t: {mode: incremental, update_key: k}")
    shop.sql("INSERT INTO t VALUES (?, ?)", [(7, "x")] * 3 + [(7, "y")])
    assert shop.run().stream()["rows_written"] == 4
    shop.sql("INSERT INTO t VALUES (?, ?)", [(7, "x")] * 2 + [(7, "z")])
    report = shop.run().stream()
    assert (report["rows_written"], report["rows_known"]) == (3, 4)
    assert shop.run().stream()["outcome"] == "nothing new"


def test_deleted_rows_never_move_the_watermark_back(orders):
    orders.run()
    before = orders.run().stream()["watermark"]
    orders.sql("DELETE FROM orders WHERE id > 2000")
    report = orders.run().stream()
    assert report["outcome"] == "nothing new" and report["watermark"] == before
    orders.sql("DELETE FROM orders")
    report = orders.run().stream()
    assert report["outcome"] == "nothing new" and report["watermark"] == before


@pytest.mark.parametrize("mode", ["full-refresh", "incremental"])
def test_an_empty_source_makes_an_empty_table_that_readers_read(shop, mode):
    shop.sql(harness.ORDERS)
    shop.write_job(f"orders: {{mode: {mode}, update_key: created_at, partition_by: day(created_at)}}")
    assert shop.run().stream()["outcome"] == "published"
    compare.assert_equal_to_source(shop.table("orders"), shop.db, ALL, readers=["pyarrow", "duckdb", "polars"])
    if mode == "incremental":
        assert shop.run().stream()["outcome"] == "nothing new"
        harness.add_orders(shop, 0, 10)
        assert shop.run().stream()["rows_written"] == 10
        equal(shop)


def test_a_refresh_to_empty_takes_the_watermark_with_it(orders):
    orders.run()
    orders.sql("DELETE FROM orders")
    report = orders.run("--mode", "full-refresh").stream()
    assert report["outcome"] == "published" and report["table_rows"] == 0
    harness.add_orders(orders, 0, 100)  # all below the old watermark
    assert orders.run().stream()["rows_written"] == 100
    equal(orders)


def test_a_refresh_of_an_incremental_stream_sets_its_watermark(orders):
    orders.run()
    orders.sql("UPDATE orders SET customer = 'renamed' WHERE id < 100")
    orders.run("--mode", "full-refresh")
    assert orders.run().stream()["outcome"] == "nothing new"
    harness.add_orders(orders, 5000, 5100)
    assert orders.run().stream()["rows_written"] == 100
    equal(orders)


# ---- given partitions ----


def test_given_partitions_are_replaced_and_nothing_else(orders):
    orders.run()
    day = days_of(orders)[1]
    others = {f for f in log.snapshot(orders.table("orders")).files if day not in f}
    orders.sql(f"UPDATE orders SET customer = 'again' WHERE date(created_at) = '{day}'")
    for _ in range(2):
        result = orders.run("--partitions", day)
        assert [p["outcome"] for p in result.stream()["partition_results"]] == ["published"]
        assert result.stream()["table_rows"] == 5000
        equal(orders)
    assert others < set(log.snapshot(orders.table("orders")).files)
    text = orders.leat("run", orders.job, "--partitions", day)
    assert f"partition {day}: published" in text.out


@pytest.mark.parametrize("mode", [[], ["--mode", "full-refresh"]])
def test_rows_above_the_watermark_wait_for_their_own_run(orders, mode):
    orders.run()
    last = days_of(orders)[-1]
    watermark = orders.run().stream()["watermark"]
    moment = orders.query("SELECT max(created_at) FROM orders")[0][0]
    orders.sql("INSERT INTO orders VALUES (?,'tie','1.00',1,?,NULL,1,NULL)", [(90001, moment)])
    orders.sql("INSERT INTO orders VALUES (?,'new','1.00',1,?,NULL,1,NULL)", [(90002, last + " 23:59:59")])
    report = orders.run("--partitions", last, *mode).stream()
    assert report["watermark"] == watermark
    assert orders.run().stream()["rows_written"] == 2
    equal(orders)
    assert orders.run().stream()["outcome"] == "nothing new"


def test_a_partition_whose_rows_are_gone_becomes_empty(orders):
    orders.run()
    day = days_of(orders)[0]
    orders.sql(f"DELETE FROM orders WHERE date(created_at) = '{day}'")
    assert orders.run("--partitions", day).stream()["partition_results"][0]["outcome"] == "empty"
    equal(orders)


def test_the_rows_without_a_value_are_partition_NULL(shop):
    shop.sql(harness.ORDERS)
    harness.add_orders(shop, 0, 100)
    shop.write_job("orders: {mode: full-refresh, partition_by: day}")
    shop.run()
    shop.sql("UPDATE orders SET customer = 'x' WHERE day IS NULL")
    result = shop.run("--partitions", "NULL").stream()
    assert result["partition_results"][0]["rows"] == 20
    equal(shop)


def test_checks_of_row_counts_look_at_the_whole_table(orders):
    orders.write_job(DAILY.replace("}", ", checks: {row_count: {min: 4000, max: 5000, max_drop: 20%}}}"))
    orders.run()
    assert orders.run("--partitions", days_of(orders)[0]).stream()["table_rows"] == 5000


@pytest.mark.parametrize(
    "partition_by, value, said",
    [
        ("day(created_at)", "yesterday", "yesterday"),
        ("day(created_at)", "2013-02-30", "2013-02-30"),
        ("month(created_at)", "2013-01-15", "2013-01-01"),
        ("year(created_at)", "2013-02-01", "2013-01-01"),
        ("id", "12x", "12x"),
    ],
)
def test_a_value_that_no_partition_has_is_wrong_usage(orders, partition_by, value, said):
    orders.write_job(f"orders: {{mode: full-refresh, partition_by: {partition_by}}}")
    for command in ("run", "plan"):
        result = orders.leat(command, orders.job, "--partitions", value)
        assert result.code == USAGE and said in result.err, result


@pytest.mark.parametrize("value", ["", ","])
def test_an_empty_list_of_partitions_is_not_all_of_them(orders, value):
    result = orders.leat("run", orders.job, "--partitions", value)
    assert result.code == USAGE and "--partitions" in result.err, result
    assert not orders.lake.exists()


# ---- dead and held runs ----


def splits_done(shop):
    """Of the run that has most: right after a kill the next one's area stands beside that of the dead one."""
    try:
        runs = collections.Counter(p.parent for p in shop.staged() if re.fullmatch(r"split-\d+\.json", p.name))
    except FileNotFoundError:  # the dead run's area is just being removed
        return 0
    return max(runs.values(), default=0)


@pytest.mark.parametrize("journal", ["WAL", "DELETE"])
def test_killed_again_and_again_the_load_comes_to_its_end(shop, journal):
    shop.sql(f"PRAGMA journal_mode = {journal};" + harness.ORDERS)
    harness.add_orders(shop, 0, 300_000)
    shop.write_job(DAILY)
    for wanted in (5, 20, 40):
        process = shop.start("--memory", "64MB", "--save-every", "0s")
        harness.wait_until(lambda: splits_done(shop) >= wanted, 60, process)
        harness.stop(process)
    report = shop.run().stream()
    assert report["splits_kept"] >= 40 and report["rows_read"] <= 150_000
    equal(shop)
    no_garbage(shop)


def test_a_held_run_is_not_read_again_once_the_check_is_relaxed(orders):
    orders.write_job(DAILY.replace("}", ", checks: {row_count: {min: 6000}}}"))
    held = orders.run(expect=HELD).stream()
    assert held["watermark"] is None, "nothing was published"
    assert versions(orders) == []
    orders.write_job(DAILY)
    report = orders.run().stream()
    assert report["rows_read"] == 0 and report["splits_kept"] == report["splits"]
    equal(orders)
    no_garbage(orders)


def test_what_is_not_a_runs_stays_in_the_staging_area(orders):
    orders.run()
    odd = orders.table("orders") / "_leat" / "staging" / "a"
    odd.mkdir(parents=True)
    (odd / "may-have-files").write_text("")
    harness.add_orders(orders, 5000, 5010)
    orders.run()
    equal(orders)
    assert (odd / "may-have-files").exists()


# ---- plan ----


def test_a_plan_writes_nothing_at_all(orders):
    before = tree(orders.folder)
    result = orders.leat("plan", orders.job)
    assert result.code == 0, result
    for word in ("in 1 split", "5,000 rows", "created_at", "files of about"):
        assert word in result.out, result.out
    assert tree(orders.folder) == before
    orders.run()
    before = tree(orders.lake)
    assert orders.leat("plan", orders.job, "--json").stream()["rows_planned"] < 6000
    assert tree(orders.lake) == before


# ---- outcomes ----


def test_a_stream_that_never_began_has_ended_in_the_ledger(orders):
    orders.write_job(DAILY + "\nmissing: {mode: full-refresh}")
    result = orders.leat("run", orders.job, "--json")
    assert result.code == SOME_FAILED, result
    runs = json.loads(orders.leat("runs", "--json").out)
    entries = {r["stream"]: r for r in (runs if isinstance(runs, list) else runs["runs"])}
    assert entries["missing"]["ended"], entries["missing"]


def test_rejected_rows_are_kept_aside_and_counted(shop):
    shop.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)")
    shop.sql("INSERT INTO t VALUES (?, ?)", [(i, "odd" if i % 100 == 0 else i) for i in range(1, 50_001)])
    shop.write_job("t: {mode: full-refresh, columns: {n: {on_error: reject}}}")
    report = shop.run().stream()
    assert (report["rows_rejected"], report["rows_written"]) == (500, 49_500)
    kept = (shop.table("t") / report["reject_file"]).read_text().splitlines()
    assert len(kept) == 500 and all(json.loads(line) for line in kept)


@pytest.mark.parametrize("name", ["staging", "rejects", "lock", "a.b", "50% off", "_delta_log"])
def test_streams_may_be_called_anything(shop, name):
    shop.sql(f'CREATE TABLE "{name}" (id INTEGER PRIMARY KEY); INSERT INTO "{name}" VALUES (1)')
    shop.write_job(f'"{name}": {{mode: incremental, update_key: id, object: t}}')
    shop.run()
    shop.sql(f'INSERT INTO "{name}" VALUES (2)')
    assert shop.run().stream()["rows_written"] == 1
    assert deltalake.DeltaTable(str(shop.table("t"))).to_pyarrow_table().num_rows == 2
    assert shop.staged() == []


# ---- memory ----


def test_a_value_over_a_third_of_the_budget_is_named(shop):
    shop.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, note TEXT); INSERT INTO t VALUES (1, 'short')")
    shop.sql("INSERT INTO t VALUES (?, ?)", [(77, "x" * 22_000_000)])
    shop.write_job("t: {mode: full-refresh}")
    result = shop.leat("run", shop.job, "--memory", "64MB")
    assert result.code == harness.FAILED
    for word in ("22.0 MB", "21.3 MB", '"note"', "rowid 77", "main.t"):
        assert word in result.err, result
    assert result.err.count("in table main.t") == 1
    assert shop.leat("run", shop.job, "--memory", "128MB").code == 0


def test_ten_thousand_partitions_in_random_order_stay_in_the_budget(shop):
    shop.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, p INTEGER, v TEXT)")
    shop.sql("INSERT INTO t VALUES (?, ?, ?)", ((i, i * 7919 % 10_000, f"v{i % 997}") for i in range(500_000)))
    shop.write_job("t: {mode: full-refresh, partition_by: p}")
    report = shop.run("--memory", "64MB", "--readers", "4", "--workers", "4").json
    assert report["streams"][0]["partitions"] == 10_000
    if "asan" not in str(shop.binary):
        assert report["peak_memory_bytes"] <= 128_000_000


# ---- files ----


@pytest.mark.parametrize("size", ["100kB", "400kB", "1MB"])
def test_at_most_one_file_is_under_half_the_target(shop, size):
    shop.sql("PRAGMA journal_mode = WAL;" + harness.ORDERS)
    harness.add_orders(shop, 0, 300_000)
    shop.write_job(f"orders: {{mode: full-refresh, file_size: {size}}}")
    report = shop.run("--memory", "64MB").stream()
    assert report["small_files"] <= 1, report
    equal(shop)


def test_a_failed_run_wrote_no_rows(orders):
    orders.write_job(DAILY.replace("}", ", checks: {row_count: {min: 6000}}}"))
    report = orders.run(expect=HELD).stream()
    assert (report["rows_read"], report["rows_written"], report["table_rows"]) == (5000, 0, None)
