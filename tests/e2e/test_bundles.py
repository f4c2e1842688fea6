"""Small pieces of many partitions are read together, out of the segments of all splits; a read that fails is made again."""

import re

import pytest

import harness
from readers import compare

DAYS, ROWS = 400, 200_000
ALL = "SELECT * FROM visits"

pytestmark = pytest.mark.skipif(not harness.LEAT_FAULTS.exists(), reason=f"no {harness.LEAT_FAULTS}; scripts/check faults")


@pytest.fixture
def shop(tmp_path):
    """Each split has a few rows of each of 400 partitions, which appear in an order of its own."""
    shop = harness.Shop(tmp_path / "shop", harness.LEAT_FAULTS)
    shop.sql("CREATE TABLE visits (id INTEGER PRIMARY KEY, day INTEGER, note TEXT)")
    shop.sql("INSERT INTO visits VALUES (?, ?, ?)", ((i, i * i * 7919 % 1009 % DAYS, f"note {i}") for i in range(ROWS)))
    shop.write_job("visits: {mode: full-refresh, partition_by: day}")
    return shop


def pieces(shop) -> int:
    splits = shop.leat("plan", shop.job, "--json").stream()["splits"]
    assert splits >= 2
    return splits * DAYS


def names(shop) -> list[str]:
    return [path.name for path in shop.table("visits").rglob("*.parquet")]


def assert_loaded(shop):
    compare.assert_equal_to_source(shop.table("visits"), shop.db, ALL, readers=["duckdb"])


def test_a_read_brings_the_pieces_of_many_partitions(shop):
    reads = pieces(shop) // 8
    shop.run(env={"LEAT_FAULT": f"pread:.seg#{reads}+=EIO"})
    assert_loaded(shop)


def test_a_read_that_fails_for_once_is_made_again(shop):
    shop.run(env={"LEAT_FAULT": "pread:.seg#4=EIO"})
    again = [name for name in names(shop) if re.search(r"-\d{3}-1\.parquet$", name)]
    assert len(again) == 1, "the first partition of what was read together, and no other"
    assert_loaded(shop)


def test_a_read_that_goes_on_failing_is_named(shop):
    failed = shop.leat("run", shop.job, env={"LEAT_FAULT": "pread:.seg#4+=EIO"})
    assert failed.code == harness.FAILED
    for words in ("in segment _leat/staging/", "in partition day="):
        assert words in failed.err, failed
    assert not names(shop)
    shop.run()
    assert_loaded(shop)
