"""The bound of incremental loads from PostgreSQL: what is open, who is counted, what one run leaves for the next."""

import json
import pathlib
import tempfile
import threading
import time

import harness
import psycopg
import pytest
from postgres_server import Server
from postgres_shop import rows, write_job

pytestmark = pytest.mark.skipif(not harness.LEAT.exists(), reason=f"no {harness.LEAT}")


def incremental(shop, url, schema, key, more="settle: 0 s"):
    write_job(shop, url, f"{schema}.events: {{mode: incremental, update_key: {key}}}", ", " + more if more else "")


def ids(shop, schema):
    return sorted(i for (i,) in rows(shop, schema, "events", "id"))


def versions(shop, schema):
    return len(list((shop.lake / schema / "events" / "_delta_log").glob("*.json")))


def records(shop, schema):
    """The table's records, oldest first."""
    found = [json.loads(p.read_text()) for p in (shop.lake / schema / "events" / "_leat").rglob("*.json")
             if p.stem.isdigit()]
    return sorted(found, key=lambda r: r["number"])


@pytest.fixture
def events(server, schema):
    """A table with the keys 1 to 3; more rows draw theirs."""
    server.sql(f"CREATE TABLE {schema}.events (id bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT now());"
               f"INSERT INTO {schema}.events SELECT FROM generate_series(1, 3)")
    return f"INSERT INTO {schema}.events DEFAULT VALUES"


# ---- a bound that an earlier run looked at ----


def test_the_bound_of_an_earlier_run_is_used_once_its_transactions_have_ended(shop, server, schema, events):
    incremental(shop, server.url(), schema, "id")
    shop.run()
    with server.connect() as first, server.connect() as second:
        first.execute(events)  # 4
        server.sql(events)  # 5
        for _ in range(2):
            assert "stays where it was" in shop.run().out
            assert ids(shop, schema) == [1, 2, 3]
        second.execute(events)  # 6: open from here on, so that no run ever sees quiet
        server.sql(events)  # 7
        first.commit()
        report = shop.run()
        assert "one that an earlier run looked at" in report.out, report
        assert ids(shop, schema) == [1, 2, 3, 4, 5]
        second.commit()
    shop.run()
    assert ids(shop, schema) == [1, 2, 3, 4, 5, 6, 7]


def test_transactions_that_overlap_for_ever_do_not_stop_the_bound(shop, server, schema, events):
    incremental(shop, server.url(), schema, "id")
    shop.run()
    written, open_ones = [1, 2, 3], []
    try:
        for _ in range(14):  # each transaction outlives two runs, and there is always one
            late = server.connect()
            (key,) = late.execute(events + " RETURNING id").fetchone()
            written.append(key)
            open_ones.append(late)
            shop.run()
            if len(open_ones) > 2:
                open_ones[0].commit()
                open_ones.pop(0).close()
        loaded = ids(shop, schema)
        assert loaded == sorted(written)[: len(loaded)] and len(loaded) > 8, loaded
    finally:
        for late in open_ones:
            late.commit()
            late.close()
    shop.run()
    assert ids(shop, schema) == sorted(written)


def test_a_run_without_rows_leaves_a_candidate_once(shop, server, schema, events):
    incremental(shop, server.url(), schema, "id")
    shop.run()
    before = versions(shop, schema)
    with server.connect() as late:
        late.execute(events)
        assert shop.run().stream()["outcome"] == "nothing new"  # no key is larger: nothing to wait for
        server.sql(events)
        shop.run()
        assert versions(shop, schema) == before + 1
        (watermarks, files) = zip(*((r["watermark"]["value"], r["files_written"]) for r in records(shop, schema)))
        assert watermarks == ("4", "4") and files[-1] == 0  # no row, and the watermark stays
        for _ in range(3):
            server.sql(events)
            shop.run()
        assert versions(shop, schema) == before + 1
        late.commit()
    shop.run()
    assert ids(shop, schema) == list(range(1, 9))
    assert "fence_state" not in records(shop, schema)[-1]


def test_the_first_load_goes_by_the_candidate_of_an_empty_one(shop, server, schema, events):
    incremental(shop, server.url(), schema, "id")
    with server.connect() as first, server.connect() as second:
        first.execute(events)
        server.sql(events)
        shop.run()
        assert ids(shop, schema) == []
        second.execute(events)
        first.rollback()
        shop.run()
        assert ids(shop, schema) == [1, 2, 3, 5]


@pytest.mark.parametrize("change", ["TRUNCATE {s}.events RESTART IDENTITY", "ALTER SEQUENCE {s}.events_id_seq RESTART"])
def test_a_sequence_that_begins_anew_ends_its_candidates(shop, server, schema, events, change):
    server.sql(f"ALTER TABLE {schema}.events DROP CONSTRAINT events_pkey")
    incremental(shop, server.url(), schema, "id")
    with server.connect() as elsewhere, server.connect() as late:
        elsewhere.execute("SELECT 1")
        shop.run()  # a candidate at 4
        server.sql(change.format(s=schema))
        late.execute(events)  # 1
        server.sql(f"{events}; {events}; {events}; {events}")
        elsewhere.commit()
        shop.run()  # the candidate would leave the late 1 behind
        assert ids(shop, schema) == []
        late.commit()
    shop.run()
    assert ids(shop, schema) == sorted(i for (i,) in server.query(f"SELECT id FROM {schema}.events"))


def test_a_candidate_is_of_one_life_of_the_server(shop, server, schema, events):
    incremental(shop, server.url(), schema, "id")
    with server.connect() as late:
        late.execute(events)
        server.sql(events)
        shop.run()
    server.stop("fast")
    server.start()
    with server.connect() as late:  # may well have the virtual id of the one that was waited for
        late.execute("SELECT 1")
        assert "stays where it was" in shop.run().out
        assert ids(shop, schema) == []
    shop.run()
    assert ids(shop, schema) == [1, 2, 3, 4, 5]


def test_rows_without_a_key_come_once_however_long_the_bound_is_held(shop, server, schema):
    server.sql(f"CREATE TABLE {schema}.events (id bigserial); ALTER TABLE {schema}.events ALTER id DROP NOT NULL;"
               f"INSERT INTO {schema}.events VALUES (NULL)")
    write_job(shop, server.url(), f"{schema}.events: {{mode: incremental, update_key: id, on_null_key: include}}", ", settle: 0 s")
    add = f"INSERT INTO {schema}.events DEFAULT VALUES"
    with server.connect() as late:
        late.execute(add)
        server.sql(add)
        for _ in range(3):
            shop.run()
        assert rows(shop, schema, "events", "id") == []
        late.commit()
    shop.run()
    assert rows(shop, schema, "events", "id") == [(1,), (2,), (None,)]


def test_a_full_refresh_that_could_read_nothing_is_held(shop, server, schema, events):
    incremental(shop, server.url(), schema, "id")
    shop.run()
    with server.connect() as late:
        late.execute(events)
        held = shop.run("--mode", "full-refresh", expect=harness.HELD)
        assert "would leave the table without rows" in held.out + held.err, held
    assert ids(shop, schema) == [1, 2, 3]


def test_partitions_that_are_loaded_again_keep_the_candidate(shop, server, schema, events):
    server.sql(f"UPDATE {schema}.events SET at = '2024-05-01'")
    write_job(shop, server.url(), f"{schema}.events: {{mode: incremental, update_key: id, partition_by: day(at)}}",
              ", settle: 0 s")
    shop.run()
    with server.connect() as late:
        late.execute(events)
        server.sql(events)
        shop.run()
        kept = records(shop, schema)[-1]["fence_state"]
        shop.run("--partitions", "2024-05-01")
        assert records(shop, schema)[-1]["fence_state"] == kept


@pytest.mark.parametrize("held", ["an open transaction", "a prepared transaction", "a sequence"])
def test_partitions_that_are_loaded_again_lose_nothing_while_the_bound_is_held(shop, server, schema, events, held):
    server.sql(f"UPDATE {schema}.events SET at = '2024-05-01'")
    write_job(shop, server.url(), f"{schema}.events: {{mode: incremental, update_key: id, partition_by: day(at)}}",
              ", settle: 0 s")
    shop.run()
    with server.connect(autocommit=True) as late:
        if held == "a sequence":
            server.sql(f"SELECT setval('{schema}.events_id_seq', 1, false)")
        else:
            late.execute(f"BEGIN; {events} RETURNING id")
            server.sql(events)
        if held == "a prepared transaction":
            late.execute(f"PREPARE TRANSACTION '{schema}'")
        shop.run("--partitions", "2024-05-01")
        assert ids(shop, schema) == [1, 2, 3]
        if held == "a sequence":
            server.sql(f"SELECT setval('{schema}.events_id_seq', 3); {events}; {events}")
        else:
            late.execute(f"COMMIT PREPARED '{schema}'" if held == "a prepared transaction" else "COMMIT")
    shop.run()
    assert ids(shop, schema) == [1, 2, 3, 4, 5]


# ---- who is counted ----


def test_whoever_calls_himself_leat_is_counted(shop, server, schema, events):
    incremental(shop, server.url(), schema, "id")
    with server.connect(application_name="leat") as late:
        late.execute(events)
        server.sql(events)
        shop.run()
        late.commit()
    shop.run()
    assert ids(shop, schema) == [1, 2, 3, 4, 5]


def test_a_walsender_that_writes_is_counted(shop, server, schema, events):
    incremental(shop, server.url(), schema, "id")
    late = psycopg.pq.PGconn.connect(
        f"host={server.folder} port={server.port} user=admin dbname=postgres replication=database".encode())
    assert late.exec_(f"BEGIN; {events}".encode()).status == psycopg.pq.ExecStatus.COMMAND_OK
    server.sql(events)
    shop.run()
    late.exec_(b"COMMIT")
    late.finish()
    shop.run()
    assert ids(shop, schema) == [1, 2, 3, 4, 5]


def test_a_key_drawn_before_anything_is_written_is_waited_for(shop, server, schema, events):
    incremental(shop, server.url(), schema, "id")
    with server.connect() as late:
        (key,) = late.execute(f"SELECT nextval('{schema}.events_id_seq')").fetchone()
        assert late.execute("SELECT txid_current_if_assigned()").fetchone() == (None,)  # idle, without an xid
        server.sql(events)
        shop.run()
        late.execute(f"INSERT INTO {schema}.events VALUES ({key})")
        late.commit()
    shop.run()
    assert ids(shop, schema) == [1, 2, 3, 4, 5]


def test_other_databases_do_not_count(shop, server, schema, events):
    incremental(shop, server.url(), schema, "id")
    with server.connect("template1") as elsewhere:
        elsewhere.execute("SELECT 1")
        assert "were open" not in shop.run().out
    assert ids(shop, schema) == [1, 2, 3]


@pytest.fixture
def limited(server, schema, events):
    role = f"limited_{schema}"
    server.sql(f"CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA {schema} TO {role}; GRANT SELECT ON {schema}.events TO {role}")
    yield role
    server.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")


@pytest.mark.parametrize("key", ["id", "at"])
def test_a_user_who_sees_no_other_session_misses_no_row(shop, server, schema, events, limited, key):
    server.sql(f"UPDATE {schema}.events SET at = now() - interval '1 hour'")
    incremental(shop, server.url(user=limited), schema, key)
    with server.connect() as late:
        late.execute(events)  # 4
        time.sleep(1.1)
        server.sql(events)  # 5
        first = shop.run()
        assert "were open for longer" in first.out, first
        assert ("GRANT pg_read_all_stats" in first.out) == (key == "at"), first
        assert ids(shop, schema) == []
        time.sleep(1.1)
        late.commit()
    shop.run()
    assert ids(shop, schema) == [1, 2, 3, 4, 5]


def test_a_session_that_hides_its_start_is_waited_for(shop, server, schema, events):
    server.sql(f"UPDATE {schema}.events SET at = now() - interval '1 hour'")
    incremental(shop, server.url(), schema, "at")
    with server.connect() as late:
        late.execute("SET track_activities = off")
        late.commit()
        late.execute(events)
        time.sleep(1.1)
        server.sql(events)
        time.sleep(1.1)
        shop.run()
        late.commit()
    shop.run()
    assert ids(shop, schema) == [1, 2, 3, 4, 5]


# ---- keys that the sequence has yet to come to ----


def loaded_and_there(shop, server, schema):
    """Both as multisets: what is lost and what came twice shows."""
    return ids(shop, schema), sorted(i for (i,) in server.query(f"SELECT id FROM {schema}.events"))


TABLES = {
    "serial": "CREATE TABLE {s}.events (id bigserial)",
    "identity": "CREATE TABLE {s}.events (id int GENERATED BY DEFAULT AS IDENTITY, at timestamptz DEFAULT now())",
    "steps of ten": "CREATE TABLE {s}.events (id smallint GENERATED BY DEFAULT AS IDENTITY (INCREMENT 10))",
    "partitions": "CREATE TABLE {s}.events (id bigserial) PARTITION BY RANGE (id);"
                  "CREATE TABLE {s}.low PARTITION OF {s}.events FOR VALUES FROM (0) TO (5);"
                  "CREATE TABLE {s}.rest PARTITION OF {s}.events DEFAULT",
    "children": "CREATE TABLE {s}.events (id bigserial); CREATE TABLE {s}.child () INHERITS ({s}.events)",
    "shared": "CREATE SEQUENCE {s}.\"a ' b\"; CREATE TABLE {s}.events (id int DEFAULT nextval('{s}.\"a '' b\"'))",
}


@pytest.mark.parametrize("make", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("late", [False, True], ids=["", "open"])
def test_a_key_far_above_its_sequence_loses_no_row_that_is_drawn_later(shop, server, schema, make, late):
    add = f"INSERT INTO {schema}.events DEFAULT VALUES"
    server.sql(f"{make.format(s=schema)}; CREATE INDEX ON {schema}.events (id)")
    server.sql(f"{add}; {add}; INSERT INTO {schema}.events VALUES (1000)")
    incremental(shop, server.url(), schema, "id")
    with server.connect() as elsewhere:
        if late:  # the bound comes from what an earlier run left
            elsewhere.execute("SELECT txid_current()")
            shop.run()
        server.sql(f"{add}; {add}")
        told = shop.run()
        assert "is 1000, but the sequence" in told.out and "setval(" in told.out, told
        elsewhere.commit()
    server.sql(f"{add}; {add}")
    for _ in range(2):
        told = shop.run()
    assert 1000 not in ids(shop, schema)
    assert int(told.stream()["watermark"]) <= 1000
    (found,) = [f for f in shop.leat("check", shop.job, "--json").json["findings"] if f["subject"] == "update_key"]
    assert "the largest \"id\" is 1000, but the sequence" in found["found"], found
    server.sql(found["remedy"].split(" moves it")[0])
    server.sql(f"{add}; {add}")
    told = shop.run()
    assert "but the sequence" not in told.out, told
    loaded, there = loaded_and_there(shop, server, schema)
    assert loaded == there and len(there) == 9


def test_rows_above_a_sequence_that_was_never_used_wait_for_it(shop, server, schema):
    add = f"INSERT INTO {schema}.events DEFAULT VALUES"
    server.sql(f"CREATE TABLE {schema}.events (id bigserial); INSERT INTO {schema}.events VALUES (3), (7)")
    incremental(shop, server.url(), schema, "id")
    for _ in range(2):
        held = shop.run(expect=harness.HELD)
        assert "has yet to come to the keys of all rows" in held.err and "a first load would be without rows" in held.err, held
        assert "SELECT setval(" in held.err and not list(shop.lake.rglob("*.json")), held
    server.sql(f"{add}; {add}; {add}; {add}")  # 3 once more
    shop.run()
    assert ids(shop, schema) == [1, 2, 3, 3, 4]
    server.sql(f"{add}; {add}; {add}")
    assert "but the sequence" not in shop.run().out
    loaded, there = loaded_and_there(shop, server, schema)
    assert loaded == there == [1, 2, 3, 3, 4, 5, 6, 7, 7]


def test_a_sequence_that_is_about_to_give_its_first_key_goes_on_there(shop, server, schema):
    server.sql(f"CREATE TABLE {schema}.events (id bigserial); INSERT INTO {schema}.events SELECT generate_series(1, 5);"
               f"SELECT setval('{schema}.events_id_seq', 6, false)")
    incremental(shop, server.url(), schema, "id")
    assert "but the sequence" not in shop.run().out
    server.sql(f"INSERT INTO {schema}.events DEFAULT VALUES")
    shop.run()
    assert ids(shop, schema) == [1, 2, 3, 4, 5, 6]


def test_a_refresh_does_not_empty_a_table_whose_rows_are_all_above_the_sequence(shop, server, schema, events):
    incremental(shop, server.url(), schema, "id")
    shop.run()
    server.sql(f"SELECT setval('{schema}.events_id_seq', 1, false)")
    held = shop.run("--mode", "full-refresh", expect=harness.HELD)
    assert "has yet to come to the keys of all rows" in held.out + held.err, held
    assert f"SELECT setval('{schema}.events_id_seq', 3)" in held.out + held.err, held
    assert ids(shop, schema) == [1, 2, 3]


def set_back(shop, server, schema, events, how):
    server.sql(f"ALTER TABLE {schema}.events DROP CONSTRAINT events_pkey")
    incremental(shop, server.url(), schema, "id")
    shop.run()
    server.sql(f"{how}; {events}")
    for _ in range(2):
        held = shop.run(expect=harness.HELD)
        assert "the watermark is 4, and the sequence" in held.out + held.err, held
    return held.out + held.err


def test_a_sequence_that_begins_anew_with_its_table_is_told(shop, server, schema, events):
    told = set_back(shop, server, schema, events, f"TRUNCATE {schema}.events RESTART IDENTITY")
    assert "or load once with --mode full-refresh" in told
    shop.run("--mode", "full-refresh")
    server.sql(events)
    shop.run()
    loaded, there = loaded_and_there(shop, server, schema)
    assert loaded == [i for i in there if i <= max(loaded)]


def test_a_refresh_does_not_drop_rows_that_its_bound_has_fallen_behind(shop, server, schema, events):
    """The table holds key 3; the sequence goes on at 3, so a refresh would leave that row until it has passed."""
    told = set_back(shop, server, schema, events, f"SELECT setval('{schema}.events_id_seq', 1)")
    assert "full-refresh" not in told
    held = shop.run("--mode", "full-refresh", expect=harness.HELD)
    assert "The table holds rows below 4, and a full refresh would drop" in held.out + held.err, held
    assert ids(shop, schema) == [1, 2, 3]
    server.sql(f"SELECT setval('{schema}.events_id_seq', 3)")
    shop.run("--mode", "full-refresh")
    loaded, there = loaded_and_there(shop, server, schema)
    assert loaded == there == [1, 2, 2, 3]


def test_a_candidate_is_not_used_once_its_sequence_is_set_back(shop, server, schema, events):
    server.sql(f"ALTER TABLE {schema}.events DROP CONSTRAINT events_pkey")
    incremental(shop, server.url(), schema, "id")
    with server.connect() as elsewhere, server.connect() as late:
        elsewhere.execute("SELECT 1")
        shop.run()  # a candidate at 4
        server.sql(f"SELECT setval('{schema}.events_id_seq', 1)")
        late.execute(events)  # 2
        elsewhere.commit()
        shop.run()
        assert ids(shop, schema) == []
        late.commit()
    server.sql(f"{events}; {events}")
    shop.run()
    loaded, there = loaded_and_there(shop, server, schema)
    assert loaded == there


def test_a_key_at_the_end_of_its_type_is_told(shop, server, schema):
    server.sql(f"CREATE TABLE {schema}.events (id smallserial); SELECT setval('{schema}.events_id_seq', 32765)")
    server.sql(f"INSERT INTO {schema}.events DEFAULT VALUES; INSERT INTO {schema}.events DEFAULT VALUES")
    incremental(shop, server.url(), schema, "id")
    for _ in range(2):
        told = shop.run()
        assert "has come to 32767, the end of smallint" in told.out and "left out" in told.out, told
        assert ids(shop, schema) == [32766]


def test_nobody_is_told_to_set_a_sequence_to_its_end(shop, server, schema):
    server.sql(f"CREATE TABLE {schema}.events (id serial PRIMARY KEY); INSERT INTO {schema}.events VALUES (DEFAULT), (2147483647)")
    incremental(shop, server.url(), schema, "id")
    told = shop.run()
    assert "but the sequence" in told.out and "give that row a smaller key" in told.out and "setval" not in told.out, told
    server.sql(f"INSERT INTO {schema}.events DEFAULT VALUES")
    shop.run()
    assert ids(shop, schema) == [1, 2]


def test_each_stream_of_a_run_goes_by_its_own_sequence(shop, server, schema, events):
    server.sql(f"CREATE TABLE {schema}.other (id bigserial); INSERT INTO {schema}.other DEFAULT VALUES;"
               f"INSERT INTO {schema}.other VALUES (500)")
    write_job(shop, server.url(), f"{schema}.events: {{mode: incremental, update_key: id}}\n"
              f"{schema}.other: {{mode: incremental, update_key: id}}", ", settle: 0 s")
    for _ in range(2):
        shop.run()
        server.sql(f"{events}; INSERT INTO {schema}.other DEFAULT VALUES")
    shop.run()
    assert ids(shop, schema) == [1, 2, 3, 4, 5]
    assert rows(shop, schema, "other", "id") == [(1,), (2,), (3,)]


def test_a_sequence_that_may_not_be_read_is_told_with_its_grant(shop, server, schema, events, limited):
    incremental(shop, server.url(user=limited), schema, "id")
    grant = f"GRANT SELECT ON SEQUENCE {schema}.events_id_seq TO {limited}"
    (found,) = [f for f in shop.leat("check", shop.job, "--json").json["findings"] if f["subject"] == "update_key"]
    assert found["level"] == "warning" and found["remedy"] == grant, found
    for told in (shop.leat("plan", shop.job), shop.run()):
        assert "may not be read" in told.out and grant in told.out, told
    assert ids(shop, schema) == [1, 2, 3]
    server.sql(f"INSERT INTO {schema}.events VALUES (100); {grant}")
    shop.run()
    server.sql(events)
    told = shop.run()
    assert "may not be read" not in told.out and "goes on at 5" in told.out, told
    assert ids(shop, schema) == [1, 2, 3, 4]
    (found,) = [f for f in shop.leat("check", shop.job, "--json").json["findings"] if f["subject"] == "update_key"]
    assert found["level"] == "warning" and "setval(" in found["remedy"], found


def test_a_standby_goes_by_the_sequence_of_its_primary(shop, server, schema, events, standby):
    server.sql(f"INSERT INTO {schema}.events VALUES (1000)")
    incremental(shop, standby.url(), schema, "id", f"settle: 2 s, fence: '{server.url()}'")
    assert "goes on at 4" in shop.run().out
    server.sql(f"{events}; {events}")
    shop.run()
    assert ids(shop, schema) == [1, 2, 3, 4, 5]
    standby.caught_up(server)
    (found,) = [f for f in shop.leat("check", shop.job, "--json").json["findings"] if f["subject"] == "update_key"]
    assert "goes on at 6" in found["found"], found


# ---- prepared transactions ----


@pytest.mark.parametrize("key", ["id", "at"])
@pytest.mark.parametrize(
    "make, into",
    [
        ("CREATE TABLE {s}.events (id bigserial, at timestamptz NOT NULL DEFAULT now()) PARTITION BY RANGE (id);"
         "CREATE TABLE {s}.low PARTITION OF {s}.events FOR VALUES FROM (0) TO (4);"
         "CREATE TABLE {s}.high PARTITION OF {s}.events FOR VALUES FROM (4) TO (1000)", "{s}.high"),
        ("CREATE TABLE {s}.events (id bigserial, at timestamptz NOT NULL DEFAULT now());"
         "CREATE TABLE {s}.child () INHERITS ({s}.events)", "{s}.child"),
    ],
    ids=["a partition", "a child"],
)
def test_a_prepared_transaction_freezes_the_bound_of_what_it_writes(shop, server, schema, key, make, into):
    server.sql(make.format(s=schema))
    server.sql(f"INSERT INTO {schema}.events (at) SELECT now() - interval '1 hour' FROM generate_series(1, 3)")
    incremental(shop, server.url(), schema, key, "settle: 2 s")
    shop.run()
    with server.connect(autocommit=True) as one:
        one.execute(f"BEGIN; INSERT INTO {into.format(s=schema)} (id) VALUES (nextval('{schema}.events_id_seq'));"
                    f"PREPARE TRANSACTION '{schema}'")
    server.sql(f"INSERT INTO {schema}.events DEFAULT VALUES")
    time.sleep(1.2)
    assert "prepared transaction" in shop.run().out
    assert ids(shop, schema) == [1, 2, 3]
    server.sql(f"COMMIT PREPARED '{schema}'")
    time.sleep(1.2)
    shop.run()
    assert ids(shop, schema) == [1, 2, 3, 4, 5]


def test_one_that_is_prepared_while_it_is_waited_for_has_not_ended(shop, server, schema, events):
    incremental(shop, server.url(), schema, "id")
    with server.connect(autocommit=True) as late:
        late.execute(f"BEGIN; {events}")
        server.sql(events)
        shop.run()
        late.execute(f"PREPARE TRANSACTION '{schema}'")
    assert "prepared transaction" in shop.run().out
    assert ids(shop, schema) == []
    server.sql(f"COMMIT PREPARED '{schema}'")
    shop.run()
    assert ids(shop, schema) == [1, 2, 3, 4, 5]


def test_one_that_writes_another_table_holds_nothing_back(shop, server, schema, events):
    server.sql(f"CREATE TABLE {schema}.other (id int)")
    with server.connect(autocommit=True) as one:
        one.execute(f"BEGIN; INSERT INTO {schema}.other VALUES (1); PREPARE TRANSACTION '{schema}'")
    try:
        incremental(shop, server.url(), schema, "id")
        shop.run()
        assert ids(shop, schema) == [1, 2, 3]
    finally:
        server.sql(f"ROLLBACK PREPARED '{schema}'")


# ---- a standby, with its primary as `fence` ----


def behind_primary(shop, standby, server, schema, key, more=""):
    incremental(shop, standby.url(), schema, key, f"settle: 0 s, fence: '{server.url()}'{more}")


@pytest.mark.parametrize("key", ["id", "at"])
def test_a_standby_misses_no_late_row_with_its_primary_as_fence(shop, server, schema, events, standby, key):
    server.sql(f"UPDATE {schema}.events SET at = now() - interval '1 hour'")
    behind_primary(shop, standby, server, schema, key)
    with server.connect() as late:
        late.execute(events)  # 4
        server.sql(events)  # 5
        time.sleep(1.1)
        first = shop.run()
        assert "does not see what is open" not in first.out, first
        assert ids(shop, schema) == ([] if key == "id" else [1, 2, 3])
        late.commit()
    time.sleep(1.1 if key == "at" else 0)
    shop.run()  # waits for the replay of that commit
    assert ids(shop, schema) == [1, 2, 3, 4, 5]


def test_a_standby_is_waited_for_until_it_has_what_its_primary_had(shop, server, schema, events, standby):
    behind_primary(shop, standby, server, schema, "id")
    standby.caught_up(server)
    standby.sql("SELECT pg_wal_replay_pause()")
    resumed = threading.Timer(1.0, standby.sql, ("SELECT pg_wal_replay_resume()",))
    try:
        server.sql(f"SET synchronous_commit = off; {events}")  # seen on the primary before it is on disk
        resumed.start()
        slow = shop.run()
        assert slow.seconds > 0.8 and ids(shop, schema) == [1, 2, 3, 4], slow
        standby.caught_up(server)
        standby.sql("SELECT pg_wal_replay_pause()")
        server.sql(events)
        behind_primary(shop, standby, server, schema, "id", ", fence_timeout: 0 s")
        late = shop.run(expect=harness.FAILED)
        assert "replay is paused" in late.err and "fence_timeout" in late.err, late
    finally:
        resumed.join()
        standby.sql("SELECT pg_wal_replay_resume()")


def test_check_on_a_standby_offers_the_fence_and_then_counts_on_it(shop, server, schema, events, standby):
    standby.caught_up(server)
    incremental(shop, standby.url(), schema, "id")
    alone = {f["subject"]: f for f in shop.leat("check", shop.job, "--json").json["findings"]}
    assert "fence: postgres://" in alone["standby"]["remedy"] and alone["update_key"]["level"] == "warning", alone
    assert "name the primary with `fence`" in shop.leat("plan", shop.job).out
    behind_primary(shop, standby, server, schema, "id")
    found = {f["subject"]: f for f in shop.leat("check", shop.job, "--json").json["findings"]}
    assert "standby" not in found and found["update_key"]["level"] == "ok", found
    both = [f["found"] for f in shop.leat("check", shop.job, "--json").json["findings"] if f["subject"] == "fence"]
    assert any("looked at on the primary" in text for text in both), both


def test_a_fence_that_is_not_the_primary_is_refused(shop, server, schema, events, standby, tmp_path):
    standby.caught_up(server)
    with tempfile.TemporaryDirectory(prefix="leat-pg-", ignore_cleanup_errors=True) as folder:
        pathlib.Path(folder).chmod(0o755)
        other = Server(pathlib.Path(folder) / "other")
        try:
            for url, says in ((other.url(), "of another cluster"), (standby.url(), "a standby itself"),
                              (server.url("template1"), "not the database that is read here"),
                              ("postgres://canary:kanarie@127.0.0.1:1/x", "in `fence`, the primary")):
                incremental(shop, standby.url(), schema, "id", f"fence: '{url}'")
                refused = shop.leat("run", shop.job)
                assert refused.code in (harness.FAILED, harness.USAGE) and says in refused.err, refused
                found = shop.leat("check", shop.job)
                assert says in found.out, found
                assert "kanarie" not in refused.out + refused.err + found.out + found.err, (refused, found)
        finally:
            other.stop()


def test_a_fence_beside_a_primary_is_not_needed(shop, server, schema, events):
    incremental(shop, server.url(), schema, "id", f"fence: '{server.url()}'")
    shop.run()
    assert ids(shop, schema) == [1, 2, 3]
    assert "the source is no standby" in shop.leat("check", shop.job).out


# ---- where no bound is exact ----


@pytest.mark.parametrize("make, says", [
    ("CREATE TABLE {s}.events (id bigint GENERATED ALWAYS AS IDENTITY (CACHE 20))", "has CACHE 20, so sessions draw keys ahead"),
    ("CREATE TABLE {s}.events (id bigint GENERATED ALWAYS AS IDENTITY (CYCLE))", "does not always grow"),
    ("CREATE SEQUENCE {s}.other; CREATE TABLE {s}.events (id bigserial);"
     "CREATE TABLE {s}.child (id bigint DEFAULT nextval('{s}.other')) INHERITS ({s}.events)", "comes from 2 sequences"),
    ("CREATE TABLE {s}.events (id bigint); CREATE SEQUENCE {s}.t;"
     "ALTER TABLE {s}.events ALTER id SET DEFAULT -nextval('{s}.t')", "is not just the next value of its sequence"),
    ("CREATE TABLE {s}.t (id bigserial); CREATE VIEW {s}.events AS SELECT * FROM {s}.t", "it is no table"),
    ("CREATE TABLE {s}.t (id bigserial); CREATE MATERIALIZED VIEW {s}.events AS SELECT * FROM {s}.t", "it is no table"),
])
def test_check_plan_and_run_say_why_a_bound_is_not_exact(shop, server, schema, make, says):
    server.sql(make.format(s=schema))
    incremental(shop, server.url(), schema, "id")
    (found,) = [f for f in shop.leat("check", shop.job, "--json").json["findings"] if f["subject"] == "update_key"]
    assert found["level"] == "warning" and says in found["found"], found
    assert "update_key: xmin" in found["remedy"] and "lookback" in found["remedy"], found
    for told in (shop.leat("plan", shop.job), shop.run()):
        assert says in told.out and "the bound is the largest" in told.out, told


def test_a_sequence_that_drew_ahead_needs_sessions_to_end(shop, server, schema):
    server.sql(f"CREATE SEQUENCE {schema}.s CACHE 10; CREATE TABLE {schema}.events (id bigint DEFAULT nextval('{schema}.s'))")
    by_key, by_row = harness.Shop(shop.folder / "key"), harness.Shop(shop.folder / "row")
    incremental(by_key, server.url(), schema, "id")
    incremental(by_row, server.url(), schema, "xmin")
    with server.connect(autocommit=True) as ahead:
        ahead.execute(f"INSERT INTO {schema}.events DEFAULT VALUES")  # 1, and 2 to 10 are its own
        server.sql(f"INSERT INTO {schema}.events DEFAULT VALUES")  # 11
        by_key.run(), by_row.run()
        ahead.execute(f"INSERT INTO {schema}.events DEFAULT VALUES")  # 2
        by_key.run(), by_row.run()
    assert ids(by_key, schema) == [1, 11]  # as was said: a smaller key is missed
    assert ids(by_row, schema) == [1, 2, 11]


def test_a_bound_that_becomes_exact_brings_no_row_twice(shop, server, schema):
    server.sql(f"CREATE SEQUENCE {schema}.s CACHE 10; CREATE TABLE {schema}.events (id bigint DEFAULT nextval('{schema}.s'));"
               f"INSERT INTO {schema}.events SELECT FROM generate_series(1, 3)")
    incremental(shop, server.url(), schema, "id")
    shop.run()
    server.sql(f"ALTER SEQUENCE {schema}.s CACHE 1")
    for _ in range(2):
        server.sql(f"INSERT INTO {schema}.events DEFAULT VALUES")
        shop.run()
    loaded = [i for (i,) in server.query(f"SELECT id FROM {schema}.events ORDER BY id")]
    assert ids(shop, schema) == loaded and len(loaded) == 5


def test_a_subscriber_takes_xmin(shop, server, schema):
    """Rows of a publisher are written here by transactions of this server."""
    server.sql(f"CREATE TABLE {schema}.events (id bigint)")
    incremental(shop, server.url(), schema, "xmin")
    with server.connect() as applies:
        applies.execute("SET LOCAL session_replication_role = replica")
        applies.execute(f"INSERT INTO {schema}.events VALUES (5)")
        server.sql(f"INSERT INTO {schema}.events VALUES (9)")
        shop.run()
        applies.commit()
    shop.run()
    assert ids(shop, schema) == [5, 9]


@pytest.mark.parametrize("own", ["bigserial", "bigint"])
def test_rows_that_are_sent_to_a_partition_have_the_keys_of_what_it_is_part_of(shop, server, schema, own):
    server.sql(f"CREATE TABLE {schema}.events (id bigserial) PARTITION BY RANGE (id); CREATE TABLE {schema}.low (id {own} NOT NULL);"
               f"ALTER TABLE {schema}.events ATTACH PARTITION {schema}.low FOR VALUES FROM (0) TO (1000)")
    add = f"INSERT INTO {schema}.events DEFAULT VALUES"
    server.sql(f"{add}; {add}; INSERT INTO {schema}.low VALUES (100)")
    if own == "bigserial":
        server.sql(f"SELECT setval('{schema}.low_id_seq', 100)")
    write_job(shop, server.url(), f"{schema}.low: {{mode: incremental, update_key: id}}", ", settle: 0 s")
    told = shop.run()
    if own == "bigserial":
        assert "comes from 2 sequences" in told.out, told
    else:  # where the partition has none of its own, the bound is exact
        assert "is 100, but the sequence" in told.out, told
        server.sql(f"{add}; SELECT setval('{schema}.events_id_seq', 100)")
        shop.run()
        assert sorted(rows(shop, schema, "low", "id")) == [(1,), (2,), (3,), (100,)]


def test_keys_of_an_application_are_loaded_once_their_column_has_no_sequence(shop, server, schema):
    server.sql(f"CREATE TABLE {schema}.events (id bigserial PRIMARY KEY); INSERT INTO {schema}.events VALUES (70), (80)")
    incremental(shop, server.url(), schema, "id")
    told = shop.run(expect=harness.HELD)
    assert "where rows always bring keys of their own, \\\"id\\\" should have no sequence" in told.err, told
    server.sql(f"ALTER TABLE {schema}.events ALTER id DROP DEFAULT")
    told = shop.run()
    assert "comes from no sequence" in told.out, told
    assert ids(shop, schema) == [70, 80]


@pytest.mark.parametrize("hold", ["ALTER TABLE {s}.other DROP more", "TRUNCATE {s}.other RESTART IDENTITY"])
def test_a_locked_sequence_leaves_streams_of_other_sequences_alone(shop, server, schema, events, hold):
    server.sql(f"CREATE TABLE {schema}.other (id bigserial, more serial)")
    write_job(shop, server.url(), f"{schema}.events: {{mode: incremental, update_key: id}}\n"
              f"{schema}.other: {{mode: incremental, update_key: id}}", ", settle: 0 s, lock_timeout: 1 s")
    with server.connect() as other:
        other.execute(hold.format(s=schema))
        told = shop.leat("run", shop.job, "--json")
        assert [s["outcome"] for s in told.json["streams"]] == ["published", "failed"], told
        assert "were not looked at" not in told.out, told
        assert "transactions" in told.json["streams"][0]["notes"][0], told  # this one's; the candidate is looked at
        other.rollback()
    shop.run()
    assert ids(shop, schema) == [1, 2, 3]


def test_a_stream_of_a_name_that_is_none_leaves_the_others_alone(shop, server, schema, events):
    write_job(shop, server.url(), f"{schema}.events: {{mode: incremental, update_key: id}}\n"
              f"{schema}.no.table: {{mode: incremental, update_key: id}}", ", settle: 0 s")
    told = shop.run(expect=harness.SOME_FAILED)
    assert "expected a table's name" in told.out + told.err, told
    assert ids(shop, schema) == [1, 2, 3]
