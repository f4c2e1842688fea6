"""Data files of a table without partitions are begun while its splits are still read, and nothing depends on that."""

import random
import re

import pyarrow.parquet
import pytest

import harness
from readers import compare, log

ROWS = 1_500_000
ALL = "SELECT * FROM readings"

pytestmark = pytest.mark.skipif(not harness.LEAT_FAULTS.exists(), reason=f"no {harness.LEAT_FAULTS}; scripts/check faults")


@pytest.fixture
def shop(tmp_path):
    """Narrow rows, so that chunks have enough of them to stay row groups; two or three fill a file."""
    shop = harness.Shop(tmp_path / "shop", harness.LEAT_FAULTS)
    shop.sql("CREATE TABLE readings (id INTEGER PRIMARY KEY, value INTEGER)")
    values = random.Random(7)
    shop.sql("INSERT INTO readings VALUES (?, ?)", ((i, values.getrandbits(63)) for i in range(ROWS)))
    shop.write_job("readings: {mode: full-refresh, file_size: 2MB}")
    return shop


def on_disk(shop) -> set[str]:
    return {path.name for path in shop.table("readings").rglob("*.parquet")}


def segments(shop) -> int:
    return sum(1 for path in shop.staged() if re.fullmatch(r"split-\d+.*\.seg", path.name))


def splits(shop) -> int:
    return shop.leat("plan", shop.job, "--json").stream()["splits"]


def assert_loaded(shop):
    compare.assert_equal_to_source(shop.table("readings"), shop.db, ALL, readers=["duckdb"])
    assert on_disk(shop) == {path.rsplit("/", 1)[-1] for path in log.snapshot(shop.table("readings")).files}


def test_row_groups_stand_in_the_order_of_the_splits(shop):
    shop.run("--readers", "3")
    firsts = []
    for name in sorted(on_disk(shop)):
        footer = pyarrow.parquet.read_metadata(shop.table("readings") / name)
        firsts += [footer.row_group(i).column(0).statistics.min for i in range(footer.num_row_groups)]
    assert len(firsts) >= 8 and firsts == sorted(firsts)
    assert_loaded(shop)


def test_files_of_a_run_that_was_killed_while_it_read_are_removed_by_the_next(shop):
    planned = splits(shop)
    died = shop.leat("run", shop.job, env={"LEAT_FAULT": "linkat:.parquet#1=kill-after"})
    assert died.code == -9 and len(on_disk(shop)) == 1
    assert segments(shop) < planned, "it had read all: nothing was begun ahead"
    orphans = on_disk(shop)
    shop.run()
    assert not orphans & on_disk(shop)
    assert_loaded(shop)


def test_a_write_that_fails_for_once_costs_the_files_and_nothing_else(shop):
    report = shop.run(env={"LEAT_FAULT": "copy_file_range#3=EIO"}).stream()
    assert report["rows_written"] == ROWS
    assert all(re.search(r"-\d{3}-1\.parquet$", name) for name in on_disk(shop)), "it was not assembled anew"
    assert_loaded(shop)


def test_a_full_disk_ends_the_run_at_once_and_leaves_no_files(shop):
    planned = splits(shop)
    failed = shop.leat("run", shop.job, "--json", env={"LEAT_FAULT": "copy_file_range#4+=ENOSPC"})
    assert failed.code not in (0, -9) and "No space left" in failed.err + failed.out, failed
    assert segments(shop) < planned and not on_disk(shop)
    assert log.versions(shop.table("readings")) == []
    shop.run()
    assert_loaded(shop)
