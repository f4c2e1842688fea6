"""From a SQLite database to a Delta table: what arrives, what doesn't come twice, and what holds a run."""

import contextlib
import datetime
import json
import os
import pty
import re
import signal
import subprocess
import time

import deltalake
import pyarrow
import pytest

import harness
from harness import HELD, LOCKED, SOME_FAILED, USAGE, add_orders
from readers import READERS, compare, log

ALL = "SELECT * FROM orders"


def rows(shop, table="orders", columns=None):
    return sorted(compare.rows_of(shop.table(table), columns), key=repr)


# ---- what arrives ----


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_finds_the_rows_of_the_source(orders, reader):
    orders.run()
    add_orders(orders, 5000, 5600)
    orders.run()
    compare.assert_equal_to_source(orders.table("orders"), orders.db, ALL, readers=[reader])


def test_a_full_refresh_replaces_the_old_rows(orders):
    orders.write_job("orders: {mode: full-refresh}")
    orders.run()
    orders.sql("DELETE FROM orders WHERE id % 2; UPDATE orders SET customer = 'new' WHERE id = 4")
    report = orders.run().stream()
    assert report["outcome"] == "published" and report["rows_written"] == 2500
    compare.assert_equal_to_source(orders.table("orders"), orders.db, ALL)
    assert log.snapshot(orders.table("orders")).version == 1


def test_an_emptied_source_makes_an_empty_table(orders):
    orders.write_job("orders: {mode: full-refresh}")
    orders.run()
    orders.sql("DELETE FROM orders")
    orders.run()
    assert rows(orders, columns=["id"]) == []


@pytest.mark.parametrize(
    "partition, columns",
    [
        ("day(created_at)", ["created_at_day"]),
        ("month(created_at)", ["created_at_month"]),
        ("year(created_at)", ["created_at_year"]),
        ("ymd(created_at)", ["year", "month", "day_1"]),
        ("[month(created_at), paid]", ["created_at_month", "paid"]),
        ("customer", ["customer"]),
        ("{column: created_at, recent: day, after: 90 days, then: month}", ["created_at_period"]),
    ],
)
def test_partitions_hold_the_rows_of_their_period(orders, partition, columns):
    if partition.startswith("ymd"):
        # the table has a column "day" of its own, so the three need a prefix
        partition, columns = "ymd(created_at) as made", ["made_year", "made_month", "made_day"]
    orders.write_job(
        f"orders: {{mode: incremental, update_key: created_at, partition_by: {_quoted(partition)}}}"
    )
    orders.run()
    table = orders.table("orders")
    assert log.snapshot(table).metadata["partitionColumns"] == columns
    compare.assert_equal_to_source(table, orders.db, ALL)
    for created, *key in compare.rows_of(table, ["created_at", *columns]):
        _check_key(partition, created, key)


def _quoted(partition):
    return partition if partition.startswith(("[", "{")) else f'"{partition}"'


def _check_key(partition, created, key):
    day = created.date()
    if partition.startswith("day"):
        assert key == [day]
    elif partition.startswith("month"):
        assert key == [day.replace(day=1)]
    elif partition.startswith("year"):
        assert key == [day.replace(month=1, day=1)]
    elif partition.startswith("ymd"):
        assert key == [day.year, day.month, day.day]
    elif partition.startswith("{"):
        # the year 2013 is long past: every row went by month
        assert key == [day.replace(day=1)]


def test_types_and_nulls_survive(shop):
    shop.sql(
        """
        CREATE TABLE odd (
            id INTEGER PRIMARY KEY, small SMALLINT, big BIGINT, price DECIMAL(38,10), cents NUMERIC(9,2),
            ratio DOUBLE, flag BOOLEAN, name VARCHAR(20), "Groß-Name" TEXT, raw BLOB, d DATE, t TIMESTAMP
        );
        INSERT INTO odd VALUES
          (1, 32767, 9223372036854775807, '1234567890123456789012345678.0123456789', 12345.67, 1e300, 1, 'é', '', x'',
           '0001-01-01', '9999-12-31 23:59:59.999999'),
          (2, -32768, -9223372036854775808, '-0.0000000001', -0.01, -0.0, 0, '', ' ', x'00ff', '9999-12-31',
           '1970-01-01 00:00:00'),
          (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
          (-4, 0, 0, '0', 0, 9007199254740993, 1, 'a' || char(10) || 'b', '''"`', x'80', '2000-02-29',
           '1900-03-01T12:30:00.5');
        """
    )
    shop.write_job("odd: {mode: full-refresh}")
    shop.run()
    compare.assert_equal_to_source(shop.table("odd"), shop.db, "SELECT * FROM odd", readers=["pyarrow", "duckdb", "polars"])


def test_select_where_and_query_choose_rows_and_columns(orders):
    orders.write_job(
        """
        orders: {mode: full-refresh, select: [id, total], where: "id % 10 = 0"}
        by_customer:
          mode: full-refresh
          query: SELECT customer, count(*) AS orders FROM orders GROUP BY 1
          columns: {orders: int64}
        """
    )
    orders.run()
    assert rows(orders, columns=["id"]) == sorted(((i,) for i in range(0, 5000, 10)), key=repr)
    assert "customer" not in READERS["pyarrow"](orders.table("orders")).column_names
    compare.assert_equal_to_source(
        orders.table("by_customer"), orders.db,
        "SELECT customer, count(*) AS orders FROM orders GROUP BY 1", readers=["pyarrow"],
    )


def test_strict_without_rowid_views_and_generated_columns_load(shop):
    shop.sql(
        """
        CREATE TABLE s (id INTEGER PRIMARY KEY, v TEXT) STRICT;
        CREATE TABLE w (code TEXT PRIMARY KEY, n INTEGER) WITHOUT ROWID;
        CREATE TABLE g (id INTEGER PRIMARY KEY, n INTEGER, twice INTEGER GENERATED ALWAYS AS (n * 2));
        CREATE VIEW v AS SELECT id, v FROM s;
        INSERT INTO s VALUES (1, 'a'), (2, NULL);
        INSERT INTO w VALUES ('x', 1), ('y', NULL);
        INSERT INTO g (id, n) VALUES (1, 21);
        """
    )
    shop.write_job('"*": {mode: full-refresh}')
    shop.run()
    for name in "swgv":
        compare.assert_equal_to_source(shop.table(name), shop.db, f"SELECT * FROM {name}", readers=["pyarrow"])


def test_a_value_that_does_not_fit_stops_the_run_and_says_where(orders):
    orders.sql("UPDATE orders SET total = 'twelve' WHERE id = 1234")
    result = orders.run(expect=1)
    assert "total" in result.err and "1234" in result.err and "orders" in result.err
    assert not (orders.table("orders") / "_delta_log").exists() or log.versions(orders.table("orders")) == []


NASTY = ["../../etc", "a/b=c", "", "x" * 10_000, "nul\0byte", "line\nbreak", ".", "..", "%2e%2e", "__HIVE_DEFAULT_PARTITION__",
         "Zürich", " ", "a" * 250, "\\", ":", "*?", None]


def nasty_table(shop, values, partition_by):
    shop.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, p TEXT)")
    shop.sql("INSERT INTO t VALUES (?, ?)", list(enumerate(values)))
    shop.write_job(f"t: {{mode: full-refresh, partition_by: {partition_by}}}")


def all_below_the_root(shop):
    root = shop.table("t").resolve()
    files = [log.data_file(shop.table("t"), path).resolve() for path in log.snapshot(shop.table("t")).files]
    return files and all(file.is_relative_to(root) and file.exists() for file in files)


def test_nasty_partition_values_stay_under_the_root_and_read_back(shop):
    values = [value for value in NASTY if value != ""]
    nasty_table(shop, values, "p")
    shop.run()
    assert all_below_the_root(shop)
    for name in ("pyarrow", "duckdb"):
        assert set(compare.rows_of(shop.table("t"), ["id", "p"], reader=name)) == set(enumerate(values)), name


def test_polars_reads_partition_values_that_a_path_can_hold(shop):
    """Polars takes the values from the paths, not from the log: those over 200 bytes and the word for NULL are beyond it."""
    values = [value for value in NASTY if value is None or (0 < len(value) <= 200 and "HIVE" not in value)]
    nasty_table(shop, values, "p")
    shop.run()
    assert set(compare.rows_of(shop.table("t"), ["id", "p"], reader="polars")) == set(enumerate(values))


def test_the_empty_text_is_no_partition_value_and_is_told(shop):
    """Delta's protocol has one form for NULL and the empty text of a partition column: readers would see NULL."""
    nasty_table(shop, NASTY, "p")
    message = shop.run(expect=harness.FAILED).err
    assert "empty text" in message and "p as p_part" in message, message


def test_the_empty_text_reads_back_when_the_column_stays_in_the_files(shop):
    nasty_table(shop, NASTY, "p as p_part")
    shop.run()
    assert all_below_the_root(shop)
    for name in ("pyarrow", "duckdb", "polars"):
        assert set(compare.rows_of(shop.table("t"), ["id", "p"], reader=name)) == set(enumerate(NASTY)), name


# ---- what does not come twice ----


def test_a_second_run_finds_nothing(orders):
    orders.run()
    before = log.snapshot(orders.table("orders")).version
    report = orders.run().stream()
    assert report["outcome"] == "nothing new" and report["rows_written"] == 0
    assert log.snapshot(orders.table("orders")).version == before


def test_only_new_rows_move(orders):
    orders.run()
    kept = set(log.snapshot(orders.table("orders")).files)
    add_orders(orders, 5000, 5500)
    report = orders.run().stream()
    assert report["rows_written"] == 500
    assert kept < set(log.snapshot(orders.table("orders")).files)
    compare.assert_equal_to_source(orders.table("orders"), orders.db, ALL, readers=["pyarrow"])


def test_rows_that_tie_with_the_watermark_come_once(orders):
    orders.run()
    last = orders.query("SELECT max(created_at) FROM orders")[0][0]
    late = [(i, "late", "1.00", 1.0, last, None, 1, b"x") for i in (90001, 90002)]
    orders.sql("INSERT INTO orders VALUES (?,?,?,?,?,?,?,?)", late)
    assert orders.run().stream()["rows_written"] == 2
    # two rows that differ in nothing are two rows
    orders.write_job("orders: {mode: incremental, update_key: created_at, select: [customer, created_at]}")
    orders.job.write_text(orders.job.read_text().replace("target: ./lake", "target: ./lake2"))
    orders.lake = orders.folder / "lake2"
    orders.run()
    orders.sql("INSERT INTO orders VALUES (?,?,?,?,?,?,?,?)", [(90003, *late[0][1:])])
    assert orders.run().stream()["rows_written"] == 1
    compare.assert_equal_to_source(
        orders.table("orders"), orders.db, "SELECT customer, created_at FROM orders", readers=["pyarrow"]
    )
    assert orders.run().stream()["outcome"] == "nothing new"


def test_an_integer_key_is_a_watermark_too(orders):
    orders.write_job("orders: {mode: incremental, update_key: id}")
    orders.run()
    add_orders(orders, 5000, 5001)
    assert orders.run().stream()["rows_written"] == 1
    compare.assert_equal_to_source(orders.table("orders"), orders.db, ALL, readers=["pyarrow"])


def test_null_keys_are_an_error_with_their_count(shop):
    shop.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, at TIMESTAMP); INSERT INTO t VALUES (1, NULL), (2, '2013-01-01 00:00:00')")
    shop.write_job("t: {mode: incremental, update_key: at}")
    result = shop.leat("run", shop.job)
    assert result.code == 1 and re.search(r"\b1\b", result.err) and "NULL" in result.err


def test_a_key_of_the_wrong_kind_never_becomes_the_bound(shop):
    shop.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, at TIMESTAMP);"
             "INSERT INTO t VALUES (1, '2013-01-01 00:00:00'), (2, 'zzz')")
    shop.write_job("t: {mode: incremental, update_key: at}")
    assert shop.leat("run", shop.job).code == 1
    shop.sql("DELETE FROM t WHERE id = 2")
    shop.run()
    shop.sql("INSERT INTO t VALUES (3, '2013-01-02 00:00:00')")
    assert shop.run().stream()["rows_written"] == 1


# ---- what holds a run ----


def held(shop, *words):
    before = rows(shop)
    result = shop.run(expect=HELD)
    assert result.stream()["outcome"] == "held"
    for word in words:
        assert word in result.err + result.out, result
    assert rows(shop) == before
    return result


def test_too_many_rows_gone_holds(orders):
    orders.write_job("orders: {mode: full-refresh, checks: {row_count: {max_drop: 20%}}}")
    orders.run()
    orders.sql("DELETE FROM orders WHERE id % 2")
    held(orders, "max_drop", "2500")
    assert orders.staged(), "the staged data stays for a look"


@pytest.mark.parametrize("limit, said", [("min: 6000", "6000"), ("max: 4000", "4000")])
def test_a_row_count_outside_its_limits_holds(orders, limit, said):
    orders.write_job("orders: {mode: full-refresh}")
    orders.run()
    orders.write_job(f"orders: {{mode: full-refresh, checks: {{row_count: {{{limit}}}}}}}")
    held(orders, said)


def test_a_null_where_none_may_be_holds(orders):
    orders.write_job("orders: {mode: full-refresh}")
    orders.run()
    orders.write_job("orders: {mode: full-refresh, checks: {not_null: [customer]}}")
    held(orders, "customer", "455")


def test_a_foreign_append_stays(orders):
    orders.run()
    table = orders.table("orders")
    schema = deltalake.DeltaTable(str(table)).to_pyarrow_table().schema
    row = {name: None for name in schema.names}
    row |= {"id": -1, "created_at": datetime.datetime(2013, 1, 1), "created_at_day": datetime.date(2013, 1, 1)}
    deltalake.write_deltalake(str(table), pyarrow.Table.from_pylist([row], schema=schema), mode="append")
    add_orders(orders, 5000, 5100)
    assert orders.run().stream()["rows_written"] == 100
    ids = {i for (i,) in compare.rows_of(table, ["id"])}
    assert ids == set(range(5100)) | {-1}


@pytest.mark.parametrize("what", ["overwrite", "delete", "restore"])
def test_a_foreign_change_of_our_rows_holds(orders, what):
    orders.run()
    add_orders(orders, 5000, 5100)
    orders.run()
    table = deltalake.DeltaTable(str(orders.table("orders")))
    if what == "overwrite":
        deltalake.write_deltalake(table, table.to_pyarrow_table().slice(0, 10), mode="overwrite")
    elif what == "delete":
        table.delete("id < 10")
    else:
        table.restore(0)
    add_orders(orders, 5100, 5200)
    held(orders, "version")


def test_one_stream_that_fails_does_not_stop_the_others(orders):
    orders.sql("CREATE TABLE bad (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO bad VALUES (1, 'x')")
    orders.write_job('"*": {mode: full-refresh}')
    result = orders.run(expect=SOME_FAILED)
    assert result.stream("orders")["outcome"] == "published"
    assert result.stream("bad")["outcome"] == "failed"
    compare.assert_equal_to_source(orders.table("orders"), orders.db, ALL, readers=["pyarrow"])


# ---- two at once, and stopping ----


@contextlib.contextmanager
def big_run(shop, *arguments, count=400_000):
    """A run that takes long enough to be met half way."""
    shop.sql("PRAGMA journal_mode = WAL;" + harness.ORDERS)
    add_orders(shop, 0, count)
    shop.write_job("orders: {mode: incremental, update_key: created_at, partition_by: day(created_at)}")
    process = shop.start("--memory", "64MB", *arguments)
    try:
        assert harness.wait_until(shop.staged, process=process), process.communicate()
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_the_second_of_two_runs_exits_6_with_the_firsts_id(shop):
    with big_run(shop) as first:
        first.send_signal(signal.SIGSTOP)
        second = shop.leat("run", shop.job, "--json")
        first.send_signal(signal.SIGCONT)
        out, err = first.communicate(timeout=60)
        assert first.returncode == 0, err
    assert second.code == LOCKED, second
    run_ids = {commit["run_id"] for commit in _records(shop.table("orders"))}
    assert len(run_ids) == 1 and run_ids.pop() in second.err + second.out


def _records(table):
    return [json.loads(p.read_text()) for p in sorted(table.glob("_leat/*/*.json"))]


@pytest.mark.parametrize("how, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_within_a_second_and_the_next_run_goes_on(shop, how, code):
    with big_run(shop) as process:
        stopped = harness.stop(process, how)
    assert stopped.code == code, stopped
    assert stopped.seconds < 1.0
    assert log.versions(shop.table("orders")) == []
    shop.run()
    compare.assert_equal_to_source(shop.table("orders"), shop.db, ALL, readers=["duckdb"])


def test_a_killed_run_leaves_nothing_and_the_next_one_finishes(shop):
    with big_run(shop) as process:
        harness.stop(process)
    assert log.versions(shop.table("orders")) == []
    shop.run()
    compare.assert_equal_to_source(shop.table("orders"), shop.db, ALL, readers=["duckdb"])
    assert shop.staged() == []


# ---- a list of partitions ----


def test_given_partitions_run_alone_with_a_result_for_each(orders):
    days = [d for (d,) in orders.query("SELECT DISTINCT date(created_at) FROM orders ORDER BY 1")]
    assert len(days) > 1
    orders.write_job("orders: {mode: full-refresh, partition_by: day(created_at)}")
    result = orders.run("--partitions", f"{days[0]},2031-01-01")
    per_day = {p["partition"]: p for p in result.stream()["partition_results"]}
    assert per_day[days[0]]["rows"] == orders.query(f"SELECT count(*) FROM orders WHERE date(created_at) = '{days[0]}'")[0][0]
    assert per_day["2031-01-01"]["rows"] == 0
    compare.assert_equal_to_source(
        orders.table("orders"), orders.db, f"SELECT * FROM orders WHERE date(created_at) = '{days[0]}'", readers=["pyarrow"]
    )


def test_partitions_that_were_not_asked_for_count_nowhere(orders):
    days = [d for (d,) in orders.query("SELECT DISTINCT date(created_at) FROM orders ORDER BY 1 LIMIT 3")]
    orders.write_job("orders: {mode: full-refresh, partition_by: day(created_at)}")
    stream = orders.run("--partitions", ",".join(days[1:])).stream()
    assert stream["partitions"] == 2 and stream["skew"] < 10 and stream["notes"] == []


# ---- what people see ----


def test_each_policy_says_what_became_of_the_values(shop):
    shop.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER, c DATE)")
    shop.sql("INSERT INTO t VALUES (?, ?, ?, ?)", [(1, "x", "y", "2024-01-01"), (2, 2, "z", "never"), (3, 3, 3, "2024-01-03")])
    shop.write_job('t: {columns: {a: {on_error: text}, b: {on_error: "null"}, c: {on_error: reject}}}')
    stream = shop.run().stream()
    assert stream["rows_rejected"] == 1 and stream["rows_written"] == 2
    said = " ".join(stream["policies"])
    assert '"a": 1 value that did not fit became text' in said and '"b": ' in said and "became NULL" in said
    (rejected,) = (shop.table("t") / stream["reject_file"]).read_text().splitlines()
    assert json.loads(rejected)["row"] == "rowid 2" and json.loads(rejected)["values"]["c"] == "never"
    (record,) = shop.table("t").glob("_leat/*/0.json")
    assert json.loads(record.read_text())["reject_file"] == stream["reject_file"]


def test_progress_is_never_on_a_pipe(orders):
    result = orders.leat("run", orders.job)
    assert result.code == 0, result
    assert "\r" not in result.out + result.err and "\x1b" not in result.out + result.err


def _on_a_terminal(shop, **env):
    master, slave = pty.openpty()
    process = subprocess.Popen(
        shop.command("run", shop.job), stdin=slave, stdout=slave, stderr=slave,
        env={**shop.environment, "TERM": "xterm", **env}, close_fds=True,
    )
    os.close(slave)
    seen = b""
    with contextlib.suppress(OSError):
        while piece := os.read(master, 65536):
            seen += piece
    os.close(master)
    assert process.wait() == 0, seen
    return seen.decode()


def test_no_color_means_no_color(orders):
    assert "\x1b[3" not in _on_a_terminal(orders, NO_COLOR="1")


def test_quiet_says_nothing_when_all_is_well(orders):
    result = orders.leat("run", orders.job, "--quiet")
    assert result.code == 0 and result.err == ""


def test_the_report_holds_the_metrics_of_the_run(orders):
    result = orders.run()
    report = result.json
    assert report["run_id"] and report["wall_seconds"] > 0 and report["peak_memory_bytes"] > 0
    stream = result.stream()
    for key in (
        "stream outcome version rows_read rows_written rows_rejected bytes_read bytes_written compression_ratio files"
        " small_files partitions skew watermark lag_seconds cpu_seconds stage_seconds"
    ).split():
        assert key in stream, key
    assert stream["rows_read"] == stream["rows_written"] == 5000
    assert stream["files"] == len(log.snapshot(orders.table("orders")).files)


def test_nothing_but_json_is_on_stdout(orders):
    for line in orders.run().out.strip().splitlines():
        json.loads(line) if line.startswith("{") and line.endswith("}") else None
    assert isinstance(orders.run().json, dict)


@pytest.mark.parametrize("arguments", [["run"], ["run", "--nonsense"], ["nonsense"], ["run", "/nowhere/job.yaml"]])
def test_wrong_usage_is_one_line_and_exit_2(shop, arguments):
    result = shop.leat(*arguments)
    assert result.code == USAGE, result
    assert result.out == "" and 1 <= len(result.err.strip().splitlines()) <= 3


def test_status_and_runs_know_the_table(orders):
    orders.run()
    status = orders.leat("status", orders.job, "--json")
    assert status.code == 0 and "orders" in status.out
    runs = orders.leat("runs", "--json")
    assert runs.code == 0 and "published" in runs.out


def test_two_runs_name_the_same_file_nowhere(orders):
    orders.run()
    first = set(log.snapshot(orders.table("orders")).files)
    orders.write_job("orders: {mode: full-refresh, partition_by: day(created_at)}")
    started = time.monotonic()
    orders.run()
    assert not first & set(log.snapshot(orders.table("orders")).files)
    assert time.monotonic() - started < 30
