"""A PostgreSQL whose tables change between runs: a column is its number in its table, whatever it is called."""

import harness
import pytest
from test_postgres import rows, schema, server, table, write_job  # noqa: F401: fixtures

pytestmark = pytest.mark.skipif(not harness.LEAT.exists(), reason=f"no {harness.LEAT}")


@pytest.fixture
def loaded(shop, server, schema):  # noqa: F811
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


def test_a_renamed_column_is_held_as_a_rename(shop, server, schema, loaded):  # noqa: F811
    held(loaded("ALTER TABLE {0} RENAME name TO title", harness.HELD), 'column "name" is now called "title"', "--accept-schema")
    assert table(shop, schema, "events").column_names == ["id", "name", "n"]
    held(loaded("ALTER TABLE {0} RENAME title TO name; ALTER TABLE {0} RENAME n TO m; ALTER TABLE {0} RENAME name TO n;", harness.HELD),
         'column "name" is now called "n"', 'column "n" is now called "m"')
    loaded("SELECT 1", harness.PUBLISHED, "--mode", "full-refresh", "--accept-schema")
    assert table(shop, schema, "events").to_pylist() == [{"id": 1, "n": "one", "m": 1}]


def test_a_name_that_was_dropped_and_added_is_a_new_column(shop, server, schema, loaded):  # noqa: F811
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
def test_a_change_holds_the_run_until_it_is_accepted(shop, server, schema, loaded, change, says):  # noqa: F811
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
def test_what_changes_no_value_goes_on(shop, server, schema, loaded, change):  # noqa: F811
    loaded(change, harness.PUBLISHED)
    loaded("INSERT INTO {0} VALUES (2, 'two', 2)", harness.PUBLISHED)
    assert rows(shop, schema, "events", "id", "name") == [(1, "one"), (2, "two")]


def test_a_column_left_out_may_change_as_it_likes(shop, server, schema):  # noqa: F811
    server.sql(f"CREATE TABLE {schema}.events (id bigserial, name text); INSERT INTO {schema}.events DEFAULT VALUES")
    write_job(shop, server.url(), f"{schema}.events: {{mode: incremental, update_key: id, select: [id]}}")
    shop.run()
    server.sql(f"ALTER TABLE {schema}.events RENAME name TO title; ALTER TABLE {schema}.events ADD more int")
    shop.run()
    assert rows(shop, schema, "events", "id") == [(1,)]


def test_a_table_of_the_same_name_is_another_table(shop, server, schema, loaded):  # noqa: F811
    held(loaded("DROP TABLE {0}; CREATE TABLE {0} (id bigserial, name varchar(10), n int)", harness.HELD), "is gone", "is new")
    assert rows(shop, schema, "events", "id") == [(1,)]


def test_a_partition_that_comes_or_goes_changes_no_column(shop, server, schema):  # noqa: F811
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
