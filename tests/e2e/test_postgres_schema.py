"""A PostgreSQL whose tables change between runs: a column is its number in its table, whatever it is called."""

import decimal
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
    loaded("INSERT INTO {0} DEFAULT VALUES", harness.HELD)
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
    loaded("INSERT INTO {0} (name, n) VALUES ('two', 2)", harness.PUBLISHED)
    assert rows(shop, schema, "events", "id", "name") == [(1, "one"), (2, "two")]


def test_a_column_left_out_may_change_as_it_likes(shop, server, schema):
    server.sql(f"CREATE TABLE {schema}.events (id bigserial, name text); INSERT INTO {schema}.events DEFAULT VALUES")
    write_job(shop, server.url(), f"{schema}.events: {{mode: incremental, update_key: id, select: [id]}}")
    shop.run()
    server.sql(f"ALTER TABLE {schema}.events RENAME name TO title; ALTER TABLE {schema}.events ADD more int")
    shop.run()
    assert rows(shop, schema, "events", "id") == [(1,)]


def test_a_table_of_the_same_name_is_another_table(shop, server, schema, loaded):
    again = "DROP TABLE {0}; CREATE TABLE {0} (id bigserial, name varchar(10), n int)"
    held(loaded(again, harness.HELD), "the watermark is 2, and the sequence")
    held(loaded("INSERT INTO {0} (n) VALUES (1), (2)", harness.HELD), "is gone", "is new")
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


WIDER = ("ALTER TABLE {0} ALTER n TYPE bigint, ALTER f TYPE double precision, ALTER d TYPE numeric(20,2);"
         "INSERT INTO {0} (name, n, f, d) VALUES ('two', 9007199254740993, 0.1, 123456789012345678.25)")
WIDENED = [(1, 1, 1.5, decimal.Decimal("1.25")), (2, 9007199254740993, 0.1, decimal.Decimal("123456789012345678.25"))]


def widened(shop, server, schema, growing):
    job, change = growing
    job("{widen: apply}")
    shop.run()
    result = change(WIDER)
    assert any('column "n" was int32 and is int64' in note for note in result.stream()["notes"])


def test_wider_types_are_told_in_the_log(shop, server, schema, growing):
    widened(shop, server, schema, growing)
    now = definition(shop, schema)
    assert now["protocol"][1]["readerFeatures"] == ["typeWidening"]
    assert sorted(now["protocol"][1]["writerFeatures"]) == ["appendOnly", "invariants", "typeWidening"]
    assert now["metaData"][1]["configuration"]["delta.enableTypeWidening"] == "true"
    fields = {f["name"]: f for f in json.loads(now["metaData"][1]["schemaString"])["fields"]}
    changes = {name: field["metadata"].get("delta.typeChanges") for name, field in fields.items()}
    assert changes == {"id": None, "name": None, "n": [{"fromType": "integer", "toType": "long"}],
                       "f": [{"fromType": "float", "toType": "double"}],
                       "d": [{"fromType": "decimal(9,2)", "toType": "decimal(20,2)"}]}


@pytest.mark.parametrize("reader", ["duckdb", "spark"])
def test_wider_types_hold_the_rows_of_before(shop, server, schema, growing, reader):
    widened(shop, server, schema, growing)
    got = table(shop, schema, "events", reader)
    assert sorted(zip(*(got[name].to_pylist() for name in ("id", "n", "f", "d")))) == WIDENED


@pytest.mark.parametrize("reader", ["polars", "pyarrow"])
def test_a_reader_without_the_feature_says_so(shop, server, schema, growing, reader):
    """docs/sources/postgres.md names them: when this fails they have learned it."""
    widened(shop, server, schema, growing)
    with pytest.raises(Exception, match="(?i)type_?widening"):
        table(shop, schema, "events", reader)


def test_rows_at_the_watermark_are_not_known_by_wider_values(shop, server, schema, growing):
    job, change = growing
    server.sql(f"ALTER TABLE {schema}.events ADD day date NOT NULL DEFAULT '2024-05-06'")
    job("{widen: apply}", "update_key: day")
    shop.run()
    change("ALTER TABLE {0} ALTER d TYPE numeric(20,2)")
    held(change("ALTER TABLE {0} ALTER n TYPE bigint", harness.HELD), 'column "n" got a wider type', "--mode full-refresh")
    assert table(shop, schema, "events", "duckdb")["id"].to_pylist() == [1]
    change("SELECT 1", harness.PUBLISHED, "--mode", "full-refresh")
    change("INSERT INTO {0} (n) VALUES (2)")
    assert sorted(table(shop, schema, "events", "duckdb")["id"].to_pylist()) == [1, 2]


def test_the_history_of_types_stays_with_the_table(shop, server, schema, growing):
    job, change = growing
    server.sql(f"ALTER TABLE {schema}.events ALTER n TYPE smallint, ADD at timestamp")
    job("{widen: apply, add: apply}")
    shop.run()
    change("ALTER TABLE {0} ALTER n TYPE int; INSERT INTO {0} (n) VALUES (2)")
    change("ALTER TABLE {0} ALTER n TYPE bigint; INSERT INTO {0} (n) VALUES (3)")
    change("ALTER TABLE {0} ADD more int; INSERT INTO {0} (n) VALUES (4)")
    now = definition(shop, schema)
    fields = {f["name"]: f for f in json.loads(now["metaData"][1]["schemaString"])["fields"]}
    assert [c["toType"] for c in fields["n"]["metadata"]["delta.typeChanges"]] == ["integer", "long"]
    assert sorted(now["protocol"][1]["readerFeatures"]) == ["timestampNtz", "typeWidening"]
    change("SELECT 1", harness.PUBLISHED, "--mode", "full-refresh")
    fields = {f["name"]: f for f in json.loads(definition(shop, schema)["metaData"][1]["schemaString"])["fields"]}
    assert fields["n"]["type"] == "long"


def test_a_column_that_may_be_null_now_needs_no_feature(shop, server, schema, growing):
    job, change = growing
    server.sql(f"ALTER TABLE {schema}.events ALTER n SET NOT NULL")
    job("{widen: apply}")
    shop.run()
    change("ALTER TABLE {0} ALTER n DROP NOT NULL; INSERT INTO {0} (name) VALUES ('two')")
    assert rows(shop, schema, "events", "id", "n") == [(1, 1), (2, None)]
    now = definition(shop, schema)
    assert now["protocol"][1] == {"minReaderVersion": 1, "minWriterVersion": 2}
    assert {f["name"]: f["nullable"] for f in json.loads(now["metaData"][1]["schemaString"])["fields"]}["n"] is True


@pytest.mark.parametrize("change", [
    "ALTER TABLE {0} ALTER n TYPE smallint", "ALTER TABLE {0} ALTER n TYPE numeric(20,0)", "ALTER TABLE {0} ALTER n TYPE real",
    "ALTER TABLE {0} ALTER d TYPE numeric(12,3)", "ALTER TABLE {0} ALTER d TYPE numeric(8,2)", "ALTER TABLE {0} ALTER d TYPE numeric",
    "ALTER TABLE {0} ALTER d TYPE numeric(50,2)", "ALTER TABLE {0} ALTER name TYPE int USING 1",
])
def test_any_other_type_is_no_wider_one(shop, server, schema, growing, change):
    job, run = growing
    job("{widen: apply, add: apply}")
    shop.run()
    held(run(change, harness.HELD), " was ", " and is ", "--accept-schema")
    run("SELECT 1", harness.PUBLISHED, "--mode", "full-refresh", "--accept-schema")
    assert len(rows(shop, schema, "events", "id")) == 1


def test_parts_of_a_column_that_change_hold(shop, server, schema):
    server.sql(f"CREATE TYPE {schema}.pair AS (a int, b text);"
               f"CREATE TABLE {schema}.events (id bigserial, tags int[], p {schema}.pair); INSERT INTO {schema}.events DEFAULT VALUES")
    write_job(shop, server.url(), f"{schema}.events: {{mode: incremental, update_key: id, on_change: {{widen: apply, add: apply}}}}")
    shop.run()
    server.sql(f"ALTER TABLE {schema}.events ALTER tags TYPE bigint[]")
    held(shop.run(expect=harness.HELD), 'column "tags" was integer[] and is bigint[]')
    server.sql(f"ALTER TABLE {schema}.events ALTER tags TYPE int[]; ALTER TYPE {schema}.pair ADD ATTRIBUTE c int")
    held(shop.run(expect=harness.HELD), 'column "p" has other parts than it had')


# ---- a table and its parts ----


@pytest.fixture
def family(server, schema):
    server.sql(f"CREATE TABLE {schema}.events (id bigint, t text) PARTITION BY RANGE (id);"
               f"CREATE TABLE {schema}.p0 PARTITION OF {schema}.events FOR VALUES FROM (0) TO (10);"
               f"CREATE TABLE {schema}.p1 PARTITION OF {schema}.events FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (id);"
               f"CREATE TABLE {schema}.p1a PARTITION OF {schema}.p1 FOR VALUES FROM (10) TO (15);"
               f"CREATE TABLE {schema}.base (id bigint); CREATE TABLE {schema}.child () INHERITS ({schema}.base);"
               f"INSERT INTO {schema}.events VALUES (1), (11); INSERT INTO {schema}.child VALUES (3)")


def findings(shop):
    return [(f["level"], f["subject"], f["found"]) for f in json.loads(shop.leat("check", shop.job, "--json").out)["findings"]]


@pytest.mark.parametrize("part, found", [("p0", [(1,)]), ("p1", [(11,)]), ("p1a", [(11,)])])
def test_a_partition_is_a_stream_by_its_own_name(shop, server, schema, family, part, found):
    write_job(shop, server.url(), f"{schema}.{part}: {{mode: full-refresh, select: [id]}}")
    told = findings(shop)
    assert any(subject == "partition" and "read alone" in words for _, subject, words in told), told
    assert {level for level, subject, _ in told if subject in ("partition", "stream", "overlap")} == {"ok"}
    shop.run()
    assert rows(shop, schema, part, "id") == found


def test_a_wildcard_takes_the_table_and_not_its_partitions(shop, server, schema, family):
    write_job(shop, server.url(), f'"{schema}.*": {{mode: full-refresh}}\n{schema}.p0: {{mode: full-refresh}}')
    assert {s["stream"].split(".")[1] for s in shop.run().json["streams"]} == {"events", "base", "child", "p0"}
    found = json.loads(shop.leat("discover", server.url(), "--json").out)["streams"]
    assert {s["stream"].split(".")[1] for s in found if s["stream"].startswith(schema)} == {"events", "base", "child"}


@pytest.mark.parametrize("whole, part", [("events", "p0"), ("events", "p1"), ("p1", "p1a"), ("base", "child")])
def test_rows_that_two_streams_load_are_told(shop, server, schema, family, whole, part):
    write_job(shop, server.url(), f"{schema}.{whole}: {{mode: full-refresh}}\n{schema}.{part}: {{mode: full-refresh}}")
    assert any(level == "warning" and subject == "overlap" for level, subject, _ in findings(shop)), findings(shop)
    assert "are loaded twice" in shop.leat("plan", shop.job).out
    assert "are loaded twice" in str(shop.run().stream(f"{schema}.{part}")["notes"])


def test_parts_side_by_side_are_no_overlap(shop, server, schema, family):
    write_job(shop, server.url(), f"{schema}.p0: {{mode: full-refresh}}\n{schema}.p1: {{mode: full-refresh}}")
    assert not any(subject == "overlap" for _, subject, _ in findings(shop))
    assert "twice" not in shop.leat("plan", shop.job).out


# ---- between two runs ----


@pytest.mark.parametrize("change", ["VACUUM FULL {0}", "CLUSTER {0} USING by_id", "REINDEX TABLE {0}", "ALTER TABLE {0} SET (fillfactor = 50)"])
def test_rows_that_moved_are_not_read_again(shop, server, schema, loaded, change):
    server.sql(f"CREATE UNIQUE INDEX by_id ON {schema}.events (id); INSERT INTO {schema}.events (n) SELECT i FROM generate_series(2, 1000) i;"
               f"DELETE FROM {schema}.events WHERE id % 3 = 0")
    shop.run()
    assert loaded(change, harness.PUBLISHED).stream()["outcome"] == "nothing new"
    loaded("INSERT INTO {0} (n) VALUES (1001)", harness.PUBLISHED)
    assert sorted(n for (n,) in rows(shop, schema, "events", "n")) == [i for i in range(1, 1002) if i % 3]


def test_rows_that_were_truncated_stay_and_new_ones_come(shop, server, schema, loaded):
    loaded("TRUNCATE {0}", harness.PUBLISHED)
    assert rows(shop, schema, "events", "id") == [(1,)]
    loaded("INSERT INTO {0} (n) VALUES (2)", harness.PUBLISHED)
    assert rows(shop, schema, "events", "id", "n") == [(1, 1), (2, 2)]
    loaded("SELECT 1", harness.PUBLISHED, "--mode", "full-refresh")
    assert rows(shop, schema, "events", "id", "n") == [(2, 2)]


def test_keys_that_start_over_are_below_the_watermark(shop, server, schema, loaded):
    loaded("INSERT INTO {0} (n) VALUES (2), (3)", harness.PUBLISHED)
    held(loaded("TRUNCATE {0} RESTART IDENTITY; INSERT INTO {0} (n) VALUES (10)", harness.HELD), "goes on at 2", "--mode full-refresh")
    assert sorted(rows(shop, schema, "events", "id", "n")) == [(1, 1), (2, 2), (3, 3)]
    loaded("SELECT 1", harness.PUBLISHED, "--mode", "full-refresh")
    assert rows(shop, schema, "events", "id", "n") == [(1, 10)]


def test_partitions_that_came_and_went_between_runs(shop, server, schema):
    server.sql(f"CREATE TABLE {schema}.events (id bigint NOT NULL, t text) PARTITION BY LIST (t);"
               f"CREATE TABLE {schema}.a PARTITION OF {schema}.events FOR VALUES IN ('a'); INSERT INTO {schema}.events VALUES (1, 'a'), (10, 'a')")
    write_job(shop, server.url(), f"{schema}.events: {{mode: incremental, update_key: id}}")
    shop.run()
    server.sql(f"CREATE TABLE {schema}.b (t text, id bigint NOT NULL); INSERT INTO {schema}.b VALUES ('b', 5), ('b', 15);"
               f"ALTER TABLE {schema}.events ATTACH PARTITION {schema}.b FOR VALUES IN ('b')")
    server.sql(f"ALTER TABLE {schema}.events DETACH PARTITION {schema}.a")
    shop.run()
    assert sorted(rows(shop, schema, "events", "id", "t")) == [(1, "a"), (10, "a"), (15, "b")], "5 is below the watermark"
    shop.run("--mode", "full-refresh")
    assert sorted(rows(shop, schema, "events", "id", "t")) == [(5, "b"), (15, "b")]


def test_a_table_that_is_gone_is_named(shop, server, schema, loaded):
    server.sql(f"DROP TABLE {schema}.events")
    result = shop.leat("run", shop.job)
    assert result.code == harness.USAGE and f"no table or view {schema}.events" in result.err, result
    assert rows(shop, schema, "events", "id") == [(1,)]


def test_the_update_key_itself_may_get_wider(shop, server, schema):
    server.sql(f"CREATE TABLE {schema}.events (id serial, n int); INSERT INTO {schema}.events (n) VALUES (1), (2)")
    write_job(shop, server.url(), f"{schema}.events: {{mode: incremental, update_key: id, on_change: {{widen: apply}}}}")
    shop.run()
    server.sql(f"ALTER TABLE {schema}.events ALTER id TYPE bigint; ALTER SEQUENCE {schema}.events_id_seq AS bigint RESTART 5000000000;"
               f"INSERT INTO {schema}.events (n) VALUES (3)")
    shop.run()
    server.sql(f"INSERT INTO {schema}.events (n) VALUES (4)")
    shop.run()
    got = table(shop, schema, "events", "duckdb")
    assert sorted(zip(got["id"].to_pylist(), got["n"].to_pylist())) == [(1, 1), (2, 2), (5000000000, 3), (5000000001, 4)]
