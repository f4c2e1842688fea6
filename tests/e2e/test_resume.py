"""A first load that died late starts near where it was, as long as the database is the one it read."""

import json
import re
import signal

import pytest

import harness
from readers import compare, log

ROWS = 600_000
ALL = "SELECT * FROM orders"


def prepare(shop):
    shop.sql("PRAGMA journal_mode = WAL;" + harness.ORDERS)
    harness.add_orders(shop, 0, ROWS)
    shop.write_job("orders: {mode: incremental, update_key: created_at, partition_by: day(created_at)}")


def dead_at(shop, share):
    """Kill a first load once SHARE of its splits have their manifest; the number of them."""
    prepare(shop)
    planned = shop.leat("plan", shop.job, "--json")
    assert planned.code == 0, planned
    splits = planned.stream()["splits"]
    process = shop.start("--memory", "64MB", "--save-every", "0s")
    assert harness.wait_until(lambda: finished_splits(shop) >= share * splits, 60, process)
    assert process.poll() is None, "it ended before it could be killed"
    harness.stop(process)
    assert log.versions(shop.table("orders")) == []
    return splits


def finished_splits(shop) -> int:
    return sum(1 for path in shop.staged() if re.fullmatch(r"split-\d+.*\.json", path.name))


def test_killed_late_the_next_run_reads_at_most_a_quarter_again(shop):
    dead_at(shop, 0.8)
    report = shop.run().stream()
    assert report["rows_read"] <= ROWS / 4, json.dumps(report)
    compare.assert_equal_to_source(shop.table("orders"), shop.db, ALL, readers=["duckdb"])


def segments(shop) -> int:
    return sum(1 for path in shop.staged() if re.fullmatch(r"split-\d+.*\.seg", path.name))


@pytest.mark.parametrize("how, kept", [(signal.SIGTERM, True), (signal.SIGKILL, False)])
def test_what_is_not_saved_yet_is_saved_by_a_run_that_is_stopped_and_lost_by_one_that_is_killed(shop, how, kept):
    prepare(shop)
    process = shop.start("--memory", "64MB", "--save-every", "1 h")
    assert harness.wait_until(lambda: segments(shop) >= 4, 60, process)
    harness.stop(process, how)
    assert (finished_splits(shop) > 0) == kept
    report = shop.run().stream()
    assert (report["splits_kept"] >= 4) if kept else (report["splits_kept"] == 0 and report["rows_read"] == ROWS)
    compare.assert_equal_to_source(shop.table("orders"), shop.db, ALL, readers=["duckdb"])


def test_a_database_that_changed_meanwhile_is_read_anew(shop):
    dead_at(shop, 0.5)
    shop.sql("UPDATE orders SET customer = 'changed' WHERE id = 3; DELETE FROM orders WHERE id = 10")
    shop.run()
    compare.assert_equal_to_source(shop.table("orders"), shop.db, ALL, readers=["duckdb"])


@pytest.mark.parametrize("change", ["partition_by: month(created_at)", "select: [id, created_at]"])
def test_a_changed_job_does_not_reuse_what_the_old_one_staged(shop, change):
    dead_at(shop, 0.5)
    shop.write_job(f"orders: {{mode: incremental, update_key: created_at, {change}}}")
    report = shop.run().stream()
    assert report["rows_read"] == ROWS
    columns = "id, created_at" if change.startswith("select") else "*"
    compare.assert_equal_to_source(shop.table("orders"), shop.db, f"SELECT {columns} FROM orders", readers=["duckdb"])


@pytest.mark.skipif(not harness.LEAT_FAULTS.exists(), reason=f"no {harness.LEAT_FAULTS}; scripts/check faults")
def test_a_split_without_a_row_that_fits_is_saved_by_the_thread_too(tmp_path):
    """The first split to end leaves rejected rows alone. Were it saved there and then, the thread that begins meanwhile would
    save it a second time."""
    shop = harness.Shop(tmp_path / "shop", harness.LEAT_FAULTS)
    shop.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, pad TEXT)")
    shop.sql("INSERT INTO t VALUES (?, ?, ?)",
             ((i, "odd" if i < 150 else i, "x" * (1900 if i < 150 else 10)) for i in range(400_000)))
    shop.write_job("t: {mode: full-refresh, columns: {n: {on_error: reject}}}")
    report = shop.run("--readers", "2", "--save-every", "1 s", env={"LEAT_FAULT": "linkat:split-00000.json#1=delay=3000"}).stream()
    assert (report["rows_rejected"], report["rows_written"]) == (150, 399_850) and not shop.staged()
