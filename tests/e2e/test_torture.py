"""Every storage call of a run failed, cut short or made its last, one by one.

After each: a reader sees the rows of the old version or of the new one; a plain rerun ends in the rows of an undisturbed
run and leaves nothing behind. `make torture` walks all points; `make check` a sample, the same one for the same LEAT_SEED.

The binary is built with -Dfaults=true and takes its orders from LEAT_FAULT (src/fault/fault.h).
"""

import concurrent.futures
import os
import random
import shutil
import signal

import pyarrow.parquet
import pytest

import harness
from harness import FAILED, PUBLISHED, UNKNOWN
from readers import canonical, compare, log

SAMPLE = 160
CHECKPOINT_VERSION = 10
SEED = int(os.environ.get("LEAT_SEED", "1"))
ALL = os.environ.get("LEAT_TORTURE") == "all"

SCENARIOS = ["first load", "incremental", "full refresh", "checkpoint"]

# What can befall a call of each kind. "burst" is EINTR twenty times in a row.
DEADLY = ["EIO", "EIO+", "kill", "kill-after"]
ACTIONS = {
    "write": [*DEADLY, "ENOSPC", "ENOSPC+", "short", "short+", "burst"],
    "copy_file_range": [*DEADLY, "ENOSPC", "ENOSPC+", "short", "short+", "burst"],
    "pread": [*DEADLY, "short", "short+", "burst"],
    "fsync": [*DEADLY, "ENOSPC", "burst"],
    "syncfs": [*DEADLY, "ENOSPC"],
    "openat": [*DEADLY, "ENOSPC", "ENOSPC+", "EMFILE", "burst"],
    "open_beneath": [*DEADLY, "ENOSPC", "ENOSPC+", "EMFILE", "burst"],
    "linkat": [*DEADLY, "ENOSPC", "ENOSPC+"],
    "renameat": [*DEADLY, "ENOSPC", "ENOSPC+"],
    "mkdirat": [*DEADLY, "ENOSPC", "ENOSPC+"],
    "unlinkat": DEADLY,
    "fstat": DEADLY,
    "fstatat": DEADLY,
    "flock": [*DEADLY, "burst"],
    "ftruncate": DEADLY,
    "close": ["EIO", "kill", "kill-after"],
}
# Faults that a run has to live with.
HARMLESS = {"short", "short+", "burst"}
MEMORY_AND_THREADS = {"alloc": ["ENOMEM"], "map": ["ENOMEM"], "thread": ["EAGAIN"]}

pytestmark = pytest.mark.skipif(not harness.LEAT_FAULTS.exists(), reason=f"no {harness.LEAT_FAULTS}; scripts/check faults")


def plan(kind, nth, action):
    if action == "burst":
        return ";".join(f"{kind}#{k}=EINTR" for k in range(nth, nth + 20))
    return f"{kind}#{nth}{'+' if action.endswith('+') else ''}={action.rstrip('+')}"


class Scenario:
    """A shop as it stands before the run that is tortured, and the rows of the table before and after it."""

    def __init__(self, name, folder):
        self.name = name
        shop = self.shop = harness.Shop(folder / "before", harness.LEAT_FAULTS)
        shop.sql("PRAGMA journal_mode = DELETE;" + harness.ORDERS)
        harness.add_orders(shop, 0, 900)
        mode = "full-refresh" if name == "full refresh" else "incremental"
        shop.write_job(f"orders: {{mode: {mode}, update_key: created_at, partition_by: day(created_at)}}")
        if name != "first load":
            shop.run(*ONE)
            harness.add_orders(shop, 900, 1200)
        if name == "checkpoint":  # the run after these is the one that has to write it
            for first in range(1200, 1200 + 30 * (CHECKPOINT_VERSION - 1), 30):
                shop.run(*ONE)
                harness.add_orders(shop, first, first + 30)
            assert log.snapshot(shop.table("orders")).version == CHECKPOINT_VERSION - 1
            assert not self.checkpoints(shop)
        self.before = rows(shop)
        counts = folder / "counts"
        after = self.copy(folder / "after")
        after.run(*ONE, env={"LEAT_FAULT_COUNTS": str(counts)})
        self.after = rows(after)
        self.calls = dict(line.rsplit(" ", 1) for line in counts.read_text().splitlines())
        compare.assert_equal_to_source(after.table("orders"), after.db, "SELECT * FROM orders", readers=["duckdb"])
        assert bool(self.checkpoints(after)) == (name == "checkpoint")

    @staticmethod
    def checkpoints(shop):
        return list(shop.table("orders").glob("_delta_log/*.checkpoint*.parquet"))

    def copy(self, folder):
        """The same lake and the same source, which runs only read: a source at another path would be another source."""
        shutil.copytree(self.shop.folder, folder, ignore=shutil.ignore_patterns("shop.db"))
        shop = harness.Shop(folder, harness.LEAT_FAULTS)
        shop.db = self.shop.db
        shop.job.write_text(shop.job.read_text().replace("source: ./shop.db", f"source: {shop.db}"))
        return shop

    def points(self, actions):
        return [
            (kind, nth, action)
            for kind, todo in actions.items()
            for nth in range(1, int(self.calls.get(kind, 0)) + 1)
            for action in todo
        ]


ONE = ("--workers", "1", "--readers", "1", "--memory", "64MB", "--save-every", "0s")


def rows(shop):
    """The rows of the current version, by nothing but the log and the files it names."""
    table = shop.table("orders")
    found = []
    for path in log.snapshot(table).files:
        data = pyarrow.parquet.ParquetFile(log.data_file(table, path)).read()
        found += canonical.rows(data, data.column_names)
    return sorted(found, key=repr)


def suffer(scenario, folder, point):
    """One point; what went wrong, or None."""
    kind, nth, action = point
    shop = scenario.copy(folder)
    try:
        hurt = shop.leat("run", shop.job, *ONE, "--json", env={"LEAT_FAULT": plan(*point)}, timeout=60)
        if hurt.code == harness.USAGE and "job.yaml" in hurt.err:
            return None  # the fault met the job file: nothing began
        if hurt.code not in (PUBLISHED, FAILED, UNKNOWN, -signal.SIGKILL):
            return f"exit {hurt.code}: {hurt.err[:400]}"
        if action in HARMLESS and hurt.code != PUBLISHED:
            return f"did not live with it: {hurt.err[:400]}"
        seen = rows(shop)
        allowed = {PUBLISHED: [scenario.after], FAILED: [scenario.before]}.get(hurt.code, [scenario.before, scenario.after])
        if seen not in allowed:
            return f"exit {hurt.code}, and a reader sees {len(seen)} rows ({len(scenario.before)} before, {len(scenario.after)} after): {hurt.err[:400]}"
        again = shop.leat("run", shop.job, *ONE, "--json", timeout=60)
        if again.code != PUBLISHED:
            return f"the rerun ends with {again.code}: {again.err[:400]}"
        if rows(shop) != scenario.after:
            return f"the rerun leaves {len(rows(shop))} rows, not {len(scenario.after)}"
        if shop.staged():
            return f"left behind: {shop.staged()[:3]}"
    except Exception as error:  # a reader that fails is a finding too
        return f"{type(error).__name__}: {error}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return None


def walk(scenario, points, folder, title):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda i: suffer(scenario, folder / str(i), points[i]), range(len(points)))
        found = [f"{plan(*point)[:60]}: {said}" for point, said in zip(points, results) if said]
    print(f"\n{scenario.name}: {len(points)} {title} tried, {len(found)} findings (LEAT_SEED={SEED})", flush=True)
    assert not found, f"{len(found)} of {len(points)} points:\n" + "\n".join(found[:20])


@pytest.fixture(scope="module", params=SCENARIOS)
def scenario(request, tmp_path_factory):
    return Scenario(request.param, tmp_path_factory.mktemp(request.param.replace(" ", "-")))


def chosen(points, most):
    return points if ALL or len(points) <= most else random.Random(SEED).sample(points, most)


def test_no_storage_fault_loses_or_doubles_a_row(scenario, tmp_path):
    points = scenario.points(ACTIONS)
    assert len(points) > 100, scenario.calls
    print(f"\n{scenario.name}: {len(points)} points in all", end="")
    walk(scenario, chosen(points, SAMPLE), tmp_path, "storage faults and kills")


def test_no_want_of_memory_or_threads_loses_or_doubles_a_row(scenario, tmp_path):
    points = scenario.points(MEMORY_AND_THREADS)
    most = 600 if ALL else 40
    walk(scenario, random.Random(SEED).sample(points, min(most, len(points))), tmp_path, "failed allocations and threads")


def test_nothing_is_named_before_it_is_synced(scenario, tmp_path):
    shop = scenario.copy(tmp_path / "watched")
    shop.run(env={"LEAT_FAULT_MONITOR": "1"})
    assert rows(shop) == scenario.after
