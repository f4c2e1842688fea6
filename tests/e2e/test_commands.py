"""What the commands around a run show: init, discover, status, runs, inspect, vacuum, version."""

import json

import pytest

import harness


def answer(shop, *arguments, expect=0) -> dict:
    result = shop.leat(*arguments, "--json")
    assert result.code == expect, result
    assert result.out.count("\n") == 1, "one line of JSON"
    return json.loads(result.out)


def test_discover_tells_columns_types_and_keys(orders):
    found = answer(orders, "discover", "shop.db")
    (stream,) = found["streams"]
    columns = {column["name"]: column for column in stream["columns"]}
    assert stream["stream"] == "orders" and stream["rows"] > 0
    assert columns["id"]["type"] == "int64" and columns["id"]["key_position"] == 1
    assert columns["total"]["type"] == "decimal(18,2)"
    assert columns["created_at"]["usable_key"] and not columns["customer"]["usable_key"]
    assert answer(orders, "discover", "job.yaml")["streams"] == found["streams"]
    text = orders.leat("discover", "shop.db").out
    assert "orders (table)" in text and "usable as update_key" in text


def test_status_before_the_first_run_says_so(orders):
    (table,) = answer(orders, "status", "job.yaml")["tables"]
    assert table["exists"] is False and table["version"] is None
    assert "none yet" in orders.leat("status", "job.yaml").out


def test_status_tells_rows_files_watermark_and_lag(orders):
    orders.run()
    (table,) = answer(orders, "status", "job.yaml")["tables"]
    assert table["rows"] == 5000 and table["version"] == 0
    assert table["files"] == table["partitions"] == table["small_files"]
    assert table["watermark"] == table["source_newest"] and table["lag_seconds"] == 0
    harness.add_orders(orders, 5000, 5100)
    (table,) = answer(orders, "status", "job.yaml", "orders")["tables"]
    assert table["lag_seconds"] == pytest.approx(20 * 7 * 60)
    assert "behind the source" in orders.leat("status", "job.yaml").out


def test_status_goes_on_without_the_source(orders):
    orders.run()
    orders.db.write_bytes(b"not a database any more, and long enough to be asked" * 100)
    result = orders.leat("status", "job.yaml")
    assert result.code == 0 and "5,000" in result.out and "note:" in result.err, result


def test_runs_lists_the_newest_first(orders):
    first = orders.run().json["run_id"]
    second = orders.run().json["run_id"]
    runs = answer(orders, "runs")["runs"]
    assert [run["run_id"] for run in runs] == [second, first]
    assert [run["outcome"] for run in runs] == ["nothing new", "published"]
    assert [run["run_id"] for run in answer(orders, "runs", "--limit", "1")["runs"]] == [second]
    assert [run["run_id"] for run in answer(orders, "runs", "--run", first)["runs"]] == [first]
    assert answer(orders, "runs", "--stream", "nobody")["runs"] == []
    assert "no such run" in orders.leat("runs", "--stream", "nobody").out


def test_vacuum_tells_of_many_objects_in_a_few_lines(orders):
    orders.write_job("orders: {mode: full-refresh, partition_by: day(created_at)}")
    for _ in range(4):
        orders.run()
    found = answer(orders, "vacuum", "job.yaml", "--keep", "0s", "--dry-run")["tables"][0]
    assert found["objects"] > 10 and len(found["found"]) == found["objects"]
    lines = orders.leat("vacuum", "job.yaml", "--keep", "0s").out.splitlines()
    assert len(lines) == 13 and f"and {found['objects'] - 10} more" in lines[-2] and "removed" in lines[-1], lines


def test_vacuum_removes_what_no_version_needs(orders):
    orders.write_job("orders: {mode: full-refresh}")
    orders.run()
    orders.run()
    files = set(orders.table("orders").rglob("*.parquet"))
    assert len(files) == 2
    dry = answer(orders, "vacuum", "job.yaml", "--keep", "0s", "--dry-run")["tables"][0]
    assert dry["objects"] >= 1 and dry["removed"] is False
    assert set(orders.table("orders").rglob("*.parquet")) == files
    kept = answer(orders, "vacuum", "job.yaml")["tables"][0]
    assert kept["objects"] == 0, "seven days are kept without --keep"
    answer(orders, "vacuum", "lake/orders", "--keep", "0s")
    assert len(set(orders.table("orders").rglob("*.parquet"))) == 1
    (table,) = answer(orders, "status", "job.yaml")["tables"]
    assert table["rows"] == 5000


def test_vacuum_of_no_table_says_so(shop):
    result = shop.leat("vacuum", "nowhere")
    assert result.code == harness.FAILED and "nowhere" in result.err, result


def test_inspect_shows_a_data_file(orders):
    orders.run()
    file = next(orders.table("orders").rglob("*.parquet"))
    result = orders.leat("inspect", file)
    assert result.code == 0 and "customer" in result.out, result
    json.loads(orders.leat("inspect", file, "--json").out)
    assert orders.leat("inspect", orders.db).code == harness.FAILED
    assert orders.leat("inspect", orders.lake).code == harness.USAGE


def test_version_is_one_line(shop):
    assert shop.leat("version").out.startswith("leat ")
    assert shop.leat("--version").out == shop.leat("version").out
    assert answer(shop, "version")["version"]


@pytest.mark.parametrize(
    "arguments, words",
    [
        ([], "which command"),
        (["rnu"], "did you mean run?"),
        (["status"], "JOB is missing"),
        (["runs", "--limt", "3"], "did you mean --limit?"),
        (["runs", "--limit", "many"], "--limit: expected a whole number"),
        (["runs", "--limit"], "--limit needs a value"),
        (["version", "please"], 'takes no "please"'),
        (["vacuum", "x", "--keep", "soon"], "--keep: expected a duration"),
        (["help", "rnu"], "did you mean run?"),
        (["check", "x.yaml", "--set", "mode"], "cannot read x.yaml"),
    ],
)
def test_wrong_usage_names_the_nearest_right_word(shop, arguments, words):
    result = shop.leat(*arguments)
    assert result.code == harness.USAGE and result.out == "", result
    if "--set" not in arguments:
        assert words in result.err, result
    assert len(result.err.strip().splitlines()) == 1


def test_results_that_cannot_be_written_are_a_failure(orders):
    import subprocess

    with open("/dev/full", "w") as full:
        done = subprocess.run(orders.command("discover", orders.db), stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == harness.FAILED and b"standard output" in done.stderr


def test_check_names_what_is_wrong_and_how_to_mend_it(orders):
    found = answer(orders, "check", "job.yaml")
    assert found["failed"] == 0 and {f["level"] for f in found["findings"]} <= {"ok", "warning"}
    assert "  ok  " not in orders.leat("check", "job.yaml", "--quiet").out
    orders.lake.rmdir()
    orders.lake.write_text("a file where a folder should be")
    result = orders.leat("check", "job.yaml")
    assert result.code == harness.FAILED and "mend:" in result.out, result


def test_check_tells_what_changed_in_the_source(orders):
    orders.run()
    levels = {f["subject"]: f["level"] for f in answer(orders, "check", "job.yaml")["findings"]}
    assert levels["drift"] == "ok"
    orders.sql("ALTER TABLE orders ADD COLUMN note TEXT; ALTER TABLE orders DROP COLUMN weight;")
    drift = [f for f in answer(orders, "check", "job.yaml")["findings"] if f["subject"] == "drift"]
    assert drift[0]["level"] == "warning"
    assert 'column "note" is new' in drift[0]["found"] and 'column "weight" is gone' in drift[0]["found"]
