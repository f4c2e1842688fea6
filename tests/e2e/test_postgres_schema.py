"""A PostgreSQL whose tables change between runs: a column is its number in its table, whatever it is called."""

import json

import harness
import pytest
from postgres_shop import rows, table, write_job
from readers import READERS

pytestmark = pytest.mark.skipif(not harness.LEAT.exists(), reason=f"no {harness.LEAT}")


@pytest.fixture
def loaded(shop, server, schema):
    """events(id, name, n) with one row, loaded once by id; returns how to change it and run again."""
    server.sql(f"CREATE TABLE {schema}.events (id bigserial, name varchar(10), n int);"
               f"INSERT INTO {schema}.events (name, n) VALUES ('one', 1)")
    write_job(shop, server.url(), f"{schema}.events: {{mode: incremental, update_key: id}}")
    shop.run()

    def change(sql, expect, *words):
        server.sql(sql.format(f"{schema}.events"))
        return shop.run(*words, expect=expect)

    return change


def held(result, *says):
    message = result.stream()["error"]["message"]
    for words in says:
        assert words in message, message
    return message


def test_a_renamed_column_is_held_as_a_rename(shop, server, schema, loaded):
    held(loaded("ALTER TABLE {0} RENAME name TO title", harness.HELD), 'column "name" is now called "title"', "--accept-schema")
    assert table(shop, schema, "events").column_names == ["id", "name", "n"]
    held(loaded("ALTER TABLE {0} RENAME title TO name; ALTER TABLE {0} RENAME n TO m; ALTER TABLE {0} RENAME name TO n;", harness.HELD),
         'column "name" is now called "n"', 'column "n" is now called "m"')
    loaded("SELECT 1", harness.PUBLISHED, "--mode", "full-refresh", "--accept-schema")
    assert table(shop, schema, "events").to_pylist() == [{"id": 1, "n": "one", "m": 1}]


def test_a_name_that_was_dropped_and_added_is_a_new_column(shop, server, schema, loaded):
    message = held(loaded("ALTER TABLE {0} DROP name; ALTER TABLE {0} ADD name varchar(10)", harness.HELD),
                   'column "name" is new', 'column "name" is gone')
    assert "is now called" not in message
    assert rows(shop, schema, "events", "name") == [("one",)]


@pytest.mark.parametrize(
    "change, says",
    [
        ("ALTER TABLE {0} ALTER n TYPE bigint", 'column "n" was int32 and is int64'),
        ("ALTER TABLE {0} ALTER n TYPE text", 'column "n" was int32 and is'),
        ("ALTER TABLE {0} ADD more text", 'column "more" is new'),
        ("ALTER TABLE {0} DROP n", 'column "n" is gone'),
        ("ALTER TABLE {0} ALTER id DROP NOT NULL", 'column "id" may now be NULL'),
    ],
)
def test_a_change_holds_the_run_until_it_is_accepted(shop, server, schema, loaded, change, says):
    held(loaded(change, harness.HELD), says, "--mode full-refresh --accept-schema")
    drift = shop.leat("check", shop.job).out
    assert "drift" in drift, drift
    loaded("INSERT INTO {0} VALUES (2)", harness.HELD)
    assert len(rows(shop, schema, "events", "id")) == 1
    loaded("SELECT 1", harness.PUBLISHED, "--mode", "full-refresh", "--accept-schema")
    assert rows(shop, schema, "events", "id") == [(1,), (2,)]
    loaded("INSERT INTO {0} VALUES (3)", harness.PUBLISHED)


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE {0} ALTER name TYPE varchar(200)",  # text is text
        "ALTER TABLE {0} ALTER name TYPE text",
        "ALTER TABLE {0} ALTER name SET NOT NULL",
        "ALTER TABLE {0} ALTER n SET DEFAULT 5",
        "VACUUM FULL {0}",
        "CREATE INDEX ON {0} (id)",
    ],
)
def test_what_changes_no_value_goes_on(shop, server, schema, loaded, change):
    loaded(change, harness.PUBLISHED)
    loaded("INSERT INTO {0} VALUES (2, 'two', 2)", harness.PUBLISHED)
    assert rows(shop, schema, "events", "id", "name") == [(1, "one"), (2, "two")]


def test_a_column_left_out_may_change_as_it_likes(shop, server, schema):
    server.sql(f"CREATE TABLE {schema}.events (id bigserial, name text); INSERT INTO {schema}.events DEFAULT VALUES")
    write_job(shop, server.url(), f"{schema}.events: {{mode: incremental, update_key: id, select: [id]}}")
    shop.run()
    server.sql(f"ALTER TABLE {schema}.events RENAME name TO title; ALTER TABLE {schema}.events ADD more int")
    shop.run()
    assert rows(shop, schema, "events", "id") == [(1,)]


def test_a_table_of_the_same_name_is_another_table(shop, server, schema, loaded):
    held(loaded("DROP TABLE {0}; CREATE TABLE {0} (id bigserial, name varchar(10), n int)", harness.HELD), "is gone", "is new")
    assert rows(shop, schema, "events", "id") == [(1,)]


def test_a_partition_that_comes_or_goes_changes_no_column(shop, server, schema):
    server.sql(f"CREATE TABLE {schema}.events (id bigserial, at date) PARTITION BY RANGE (id);"
               f"CREATE TABLE {schema}.p1 PARTITION OF {schema}.events FOR VALUES FROM (1) TO (10);"
               f"INSERT INTO {schema}.events SELECT FROM generate_series(1, 9)")
    write_job(shop, server.url(), f"{schema}.events: {{mode: incremental, update_key: id}}")
    shop.run()
    server.sql(f"CREATE TABLE {schema}.p2 (at date, dropped int, id bigint NOT NULL); ALTER TABLE {schema}.p2 DROP dropped;"
               f"ALTER TABLE {schema}.events ATTACH PARTITION {schema}.p2 FOR VALUES FROM (10) TO (100);"
               f"ALTER TABLE {schema}.events DETACH PARTITION {schema}.p1; INSERT INTO {schema}.events SELECT FROM generate_series(1, 5)")
    shop.run()
    assert sorted(i for (i,) in rows(shop, schema, "events", "id")) == [*range(1, 15)]


# ---- on_change ----


@pytest.fixture
def growing(shop, server, schema):
    """The same table, under on_change of the test's choice."""
    server.sql(f"CREATE TABLE {schema}.events (id bigserial, name varchar(10), n int, f real, d numeric(9,2));"
               f"INSERT INTO {schema}.events (name, n, f, d) VALUES ('one', 1, 1.5, 1.25)")

    def job(on_change, more="update_key: id"):
        write_job(shop, server.url(), f"{schema}.events: {{mode: incremental, {more}, on_change: {on_change}}}")

    def change(sql, expect=harness.PUBLISHED, *words):
        server.sql(sql.format(f"{schema}.events"))
        return shop.run(*words, expect=expect)

    return job, change


def definition(shop, schema):
    """The newest metaData and protocol, and the version that holds the former."""
    log = sorted((shop.lake / schema / "events" / "_delta_log").glob("*.json"))
    found = {}
    for file in log:
        for line in file.read_text().splitlines():
            action = json.loads(line)
            found.update({k: (int(file.stem), action[k]) for k in ("metaData", "protocol") if k in action})
    return found


@pytest.mark.parametrize("reader", sorted(READERS))
def test_a_new_column_is_added_and_old_rows_have_none(shop, server, schema, growing, reader):
    job, change = growing
    job("{add: apply}")
    shop.run()
    result = change("ALTER TABLE {0} ADD more text NOT NULL DEFAULT 'x'; INSERT INTO {0} (name, more) VALUES ('two', 'y')")
    assert any('column "more" is new' in note for note in result.stream()["notes"])
    got = table(shop, schema, "events", reader)
    assert got.column_names == ["id", "name", "n", "f", "d", "more"]
    assert sorted(zip(got["id"].to_pylist(), got["more"].to_pylist())) == [(1, None), (2, "y")]
    added = definition(shop, schema)["metaData"]
    assert {f["name"]: f["nullable"] for f in json.loads(added[1]["schemaString"])["fields"]}["more"] is True
    change("INSERT INTO {0} (name, more) VALUES ('three', 'z')")
    assert rows(shop, schema, "events", "id", "more") == [(1, None), (2, "y"), (3, "z")]
    assert definition(shop, schema)["metaData"] == added, "what is NOT NULL in the source stays as the table has it"


def test_a_new_column_without_a_new_row_is_a_version_of_its_own(shop, server, schema, growing):
    job, change = growing
    job("{add: apply}")
    shop.run()
    change("ALTER TABLE {0} ADD more int")
    assert table(shop, schema, "events").column_names[-1] == "more"
    assert change("SELECT 1").stream()["outcome"] == "nothing new"


def test_a_new_column_stands_behind_those_that_partitions_make(shop, server, schema, growing):
    job, change = growing
    server.sql(f"ALTER TABLE {schema}.events ADD at timestamptz NOT NULL DEFAULT '2024-05-06'")
    job("{add: apply}", "update_key: id, partition_by: day(at)")
    shop.run()
    change("ALTER TABLE {0} ADD more int; INSERT INTO {0} (name, more) VALUES ('two', 2)")
    assert table(shop, schema, "events").column_names[-2:] == ["at_day", "more"]
    assert rows(shop, schema, "events", "id", "more") == [(1, None), (2, 2)]


def test_rows_at_the_watermark_are_known_without_the_new_column(shop, server, schema, growing):
    job, change = growing
    server.sql(f"ALTER TABLE {schema}.events ADD day date NOT NULL DEFAULT '2024-05-06'")
    job("{add: apply}", "update_key: day")
    shop.run()
    change("ALTER TABLE {0} ADD more int DEFAULT 7; INSERT INTO {0} (name) VALUES ('two')")
    assert rows(shop, schema, "events", "id", "more") == [(1, None), (2, 7)]
    change("INSERT INTO {0} (name, more) VALUES ('three', 8)")
    assert rows(shop, schema, "events", "id", "more") == [(1, None), (2, 7), (3, 8)]


def test_a_name_that_was_dropped_and_added_is_not_added(shop, server, schema, growing):
    job, change = growing
    job("{add: apply, widen: apply}")
    shop.run()
    held(change("ALTER TABLE {0} DROP n; ALTER TABLE {0} ADD n int; ALTER TABLE {0} ADD more int", harness.HELD),
         'column "n" is new, another one', 'column "n" is gone', 'column "more" is new')
    assert table(shop, schema, "events").column_names == ["id", "name", "n", "f", "d"]


@pytest.mark.parametrize("words, says", [
    ("{add: ignore}", 'add: ignore" is not available yet'), ("{drop: keep}", 'drop: keep" is not available yet'),
    ("{rename: apply}", 'rename: apply" is not available yet'), ("{narrow: apply}", 'narrow: apply" is not available yet'),
    ("{widen: maybe}", "stop or apply"), ("{retype: apply}", 'unknown key "retype"'),
])
def test_what_can_not_be_applied_is_no_word(shop, server, schema, growing, words, says):
    growing[0](words)
    result = shop.leat("run", shop.job)
    assert result.code == harness.USAGE and says in result.err, result


def test_a_full_refresh_takes_new_columns_unless_told_not_to(shop, server, schema, growing):
    job, change = growing
    job("{}")
    shop.run()
    change("ALTER TABLE {0} ADD more int", harness.PUBLISHED, "--mode", "full-refresh")
    job("{add: stop}")
    held(change("ALTER TABLE {0} ADD still_more int", harness.HELD, "--mode", "full-refresh"), "is new", "--accept-schema")
    change("SELECT 1", harness.PUBLISHED, "--mode", "full-refresh", "--accept-schema")
