"""A source whose columns change, where columns have no identity but their place: SQLite. The rest is in test_postgres_schema.py."""

import json

import harness
import pytest
from readers import READERS

pytestmark = pytest.mark.skipif(not harness.LEAT.exists(), reason=f"no {harness.LEAT}")


@pytest.fixture
def loaded(shop):
    shop.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO t VALUES (1, 1)")

    def job(words, more=""):
        shop.write_job(f"t: {{mode: incremental, update_key: id, {words}}}", "table: delta" + more)

    job("on_change: {add: apply}")
    shop.run()
    return job


def rows(shop):
    return sorted(READERS["pyarrow"](shop.table("t")).to_pylist(), key=lambda row: row["id"])


def test_a_new_column_is_added(shop, loaded):
    shop.sql("ALTER TABLE t ADD COLUMN more TEXT NOT NULL DEFAULT 'x'; INSERT INTO t VALUES (2, 2, 'y')")
    shop.run()
    assert rows(shop) == [{"id": 1, "n": 1, "more": None}, {"id": 2, "n": 2, "more": "y"}]
    shop.sql("INSERT INTO t VALUES (3, 3, 'w')")
    shop.run()
    assert [row["more"] for row in rows(shop)] == [None, "y", "w"], "the row at the watermark is the one that is there"


def test_a_stream_says_one_word_and_the_defaults_the_other(shop, loaded):
    loaded("on_change: {widen: apply}", "\non_change: {add: apply}")
    shop.sql("ALTER TABLE t ADD COLUMN more TEXT; INSERT INTO t VALUES (2, 2, 'y')")
    shop.run()
    assert len(rows(shop)) == 2


def test_a_given_type_may_get_wider(shop, loaded):
    loaded("columns: {n: int16}, on_change: {widen: apply, add: apply}")
    held = shop.run(expect=harness.HELD).stream()["error"]["message"]
    assert 'column "n" was int64 and is int16' in held and "--accept-schema" in held
    shop.run("--mode", "full-refresh", "--accept-schema")
    loaded("columns: {n: int32}, on_change: {widen: apply, add: apply}")
    assert "n" in shop.run(expect=harness.HELD).stream()["error"]["message"], "the row at the watermark is known by two bytes"


def test_check_says_what_a_run_would_hold_for(shop, loaded):
    shop.sql("ALTER TABLE t RENAME COLUMN n TO m; ALTER TABLE t ADD COLUMN more TEXT")
    told = json.loads(shop.leat("check", shop.job, "--json").out)["findings"]
    (drift,) = [f for f in told if f["subject"] == "drift"]
    assert drift["level"] == "warning" and 'column "n" is now called "m"; column "more" is new' in drift["found"]
    assert 'column "n" is now called "m"' in shop.run(expect=harness.HELD).stream()["error"]["message"]


def test_many_changes_leave_room_for_the_choices(shop, loaded):
    for i in range(40):
        shop.sql(f"ALTER TABLE t ADD COLUMN a_column_with_a_long_name_that_fills_a_message_{i} TEXT")
    loaded("on_change: {add: stop}")
    message = shop.run(expect=harness.HELD).stream()["error"]["message"]
    assert "and 30 more changes" in message and "on_change: {add: apply}" in message and "--accept-schema" in message


def test_columns_move_up_behind_one_that_is_dropped(shop, loaded):
    shop.sql("ALTER TABLE t ADD COLUMN a TEXT; ALTER TABLE t ADD COLUMN b TEXT; INSERT INTO t VALUES (2, 2, 'a', 'b')")
    shop.run()
    shop.sql("ALTER TABLE t DROP COLUMN a")
    message = shop.run(expect=harness.HELD).stream()["error"]["message"]
    assert 'column "a" is gone' in message and "called" not in message
    shop.run("--mode", "full-refresh", "--accept-schema")
    assert rows(shop) == [{"id": 1, "n": 1, "b": None}, {"id": 2, "n": 2, "b": "b"}]


def test_names_that_were_exchanged_are_renames(shop, loaded):
    shop.sql("ALTER TABLE t ADD COLUMN a INTEGER")
    shop.run()
    shop.sql("ALTER TABLE t RENAME COLUMN n TO x; ALTER TABLE t RENAME COLUMN a TO n; ALTER TABLE t RENAME COLUMN x TO a")
    message = shop.run(expect=harness.HELD).stream()["error"]["message"]
    assert 'column "n" is now called "a"' in message and 'column "a" is now called "n"' in message
