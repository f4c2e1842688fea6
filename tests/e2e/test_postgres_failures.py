"""What befalls a PostgreSQL in the middle of a run: backends killed, restarts, a cut network, a standby's replay."""

import collections
import os
import signal
import threading
import time

import harness
import pytest
from cut_proxy import CutProxy
from postgres_server import Server
from postgres_shop import rows, write_job
from readers import log

pytestmark = pytest.mark.skipif(not harness.LEAT.exists(), reason=f"no {harness.LEAT}")


@pytest.fixture(scope="module")
def server(place):
    server = Server(place / "server", {"max_connections": 30})
    yield server
    server.stop()


# ---- a table that is read slowly ----

ROWS = 30000


def slow_table(server, schema, name="slow", seconds=4.0):
    """A table of several splits whose rows come slowly: together they take one reader SECONDS."""
    server.sql(f"""
        CREATE OR REPLACE FUNCTION {schema}.nap(i int) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
            BEGIN IF i % 300 = 0 THEN PERFORM pg_sleep({seconds / (ROWS / 300)}); END IF; RETURN 'x'; END $$;
        CREATE TABLE {schema}.{name} (id int, pad text);
        ALTER TABLE {schema}.{name} ALTER pad SET STORAGE PLAIN;
        INSERT INTO {schema}.{name} SELECT i, repeat('p', 700) FROM generate_series(1, {ROWS}) i;
        ANALYZE {schema}.{name}""")
    return f"{schema}.{name}: {{mode: full-refresh, where: '{schema}.nap(id) IS NOT NULL', select: [id]}}"


def reading(server, what="COPY%", state="active"):
    return server.query("SELECT pid FROM pg_stat_activity WHERE application_name = 'leat' AND query LIKE "
                        f"'{what}' AND state = '{state}' ORDER BY pid")


def exporter(server):
    return server.query("SELECT pid FROM pg_stat_activity WHERE application_name = 'leat' AND state = 'idle in transaction'"
                        " AND query NOT LIKE 'COPY%' AND query NOT LIKE '%SET TRANSACTION SNAPSHOT%' AND"
                        " backend_xmin IS NOT NULL ORDER BY backend_start DESC")


def kill(server, pids):
    for (pid,) in pids:
        server.query(f"SELECT pg_terminate_backend({pid})")


def ended(process, timeout=90):
    try:
        out, err = process.communicate(timeout=timeout)
    finally:
        process.kill()  # no later test finds its sessions
    return harness.Result(process.returncode, out.decode(), err.decode(), 0)


def ids(shop, schema, name="slow"):
    return collections.Counter(i for (i,) in rows(shop, schema, name, "id"))


ALL = collections.Counter(range(1, ROWS + 1))


def published_whole(shop, schema, result, name="slow"):
    assert result.code == harness.PUBLISHED, str(result)
    assert ids(shop, schema, name) == ALL
    stream = result.stream(f"{schema}.{name}")
    assert stream["rows_written"] == ROWS and stream["rows_read"] == ROWS, stream
    assert not shop.staged()


# ---- inside the snapshot ----


def test_readers_that_are_killed_go_on_in_the_same_snapshot(shop, server, schema):
    write_job(shop, server.url(), slow_table(server, schema))
    process = shop.start("--json", "--readers", "3")
    for _ in range(3):
        assert harness.wait_until(lambda: reading(server), process=process)
        kill(server, reading(server)[:1])
        server.sql(f"INSERT INTO {schema}.slow VALUES (0)")  # of no moment that this run reads
        time.sleep(0.2)
    result = ended(process)
    published_whole(shop, schema, result)
    assert "snapshot was lost" not in result.out, result


def test_connections_that_are_ended_between_two_splits_are_made_up_for(shop, server, schema):
    write_job(shop, server.url(), slow_table(server, schema, seconds=2) + "\n" + slow_table(server, schema, "later", 1))
    process = shop.start("--json", "--readers", "4")
    assert harness.wait_until(lambda: reading(server), process=process)
    while process.poll() is None:
        kill(server, reading(server, state="idle in transaction"))
        time.sleep(0.02)
    result = ended(process)
    published_whole(shop, schema, result)
    published_whole(shop, schema, result, "later")


@pytest.mark.usefixtures("blocks")
def test_a_run_goes_on_with_the_connections_it_gets(shop, server, schema):
    write_job(shop, server.url(user=f"few_{schema}"), slow_table(server, schema))
    server.sql(f"CREATE ROLE few_{schema} LOGIN SUPERUSER CONNECTION LIMIT 5; ALTER ROLE few_{schema} NOSUPERUSER;"
               f"GRANT USAGE ON SCHEMA {schema} TO few_{schema}; GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO few_{schema}")
    try:
        with server.connect(user=f"few_{schema}"):  # leat has four: two readers
            process = shop.start("--json", "--readers", "6")
            assert harness.wait_until(lambda: len(reading(server)) == 2, process=process)
            result = ended(process)
        published_whole(shop, schema, result)
    finally:
        server.sql(f"DROP OWNED BY few_{schema}; DROP ROLE few_{schema}")


# ---- a new snapshot ----


def test_a_snapshot_that_is_lost_is_followed_by_a_new_one(shop, server, schema):
    write_job(shop, server.url(), slow_table(server, schema))
    process = shop.start("--json", "--readers", "2")
    assert harness.wait_until(lambda: reading(server), process=process)
    time.sleep(0.5)
    server.sql(f"UPDATE {schema}.slow SET id = -id WHERE id > {ROWS - 5}")
    kill(server, exporter(server))
    kill(server, reading(server))
    result = ended(process)
    assert result.code == harness.PUBLISHED, str(result)
    found = ids(shop, schema)
    assert set(found.values()) == {1} and set(found) in (
        set(ALL), set(range(1, ROWS - 4)) | set(range(-ROWS, 4 - ROWS + 1))), "rows of two moments"
    assert min(found) < 0 and "the source's snapshot was lost" in result.out, result
    assert result.stream()["rows_read"] == ROWS and not shop.staged()


def test_files_begun_under_a_snapshot_that_is_lost_are_made_anew(shop, server, schema):
    words = slow_table(server, schema)
    server.sql(f"""
        TRUNCATE {schema}.slow;
        INSERT INTO {schema}.slow SELECT i, (SELECT string_agg(md5(i::text || n), '') FROM generate_series(1, 22) n)
            FROM generate_series(1, {ROWS}) i""")
    write_job(shop, server.url(), words.replace("select: [id]", "select: [id, pad], file_size: 1MB, row_group_rows: 1000"))
    process = shop.start("--json", "--readers", "2")

    def on_disk():
        return {path.name for path in shop.table(schema).rglob("*.parquet")}
    assert harness.wait_until(lambda: len(on_disk()) >= 2 and reading(server), process=process), process.communicate()
    server.sql(f"UPDATE {schema}.slow SET id = -id")
    kill(server, exporter(server))
    kill(server, reading(server))
    result = ended(process)
    assert "the source's snapshot was lost" in result.out, result
    assert result.code == harness.PUBLISHED and ids(shop, schema) == collections.Counter(-i for i in ALL), result
    assert on_disk() == {path.rsplit("/", 1)[-1] for path in log.snapshot(shop.table(schema) / "slow").files}
    assert not shop.staged()


def two_streams(shop, server, schema, **words):
    server.sql(f"CREATE TABLE {schema}.aaa AS SELECT 1 AS id")
    write_job(shop, server.url(), f"{schema}.aaa: {{mode: full-refresh}}\n" + slow_table(server, schema, **words))


def test_streams_that_are_published_stay_so_and_the_report_tells_of_two_moments(shop, server, schema):
    two_streams(shop, server, schema)
    process = shop.start("--json", "--readers", "2")
    assert harness.wait_until(lambda: reading(server), process=process)
    assert log.snapshot(shop.table(schema) / "aaa").version == 0
    server.stop("immediate")
    time.sleep(1)
    server.start()
    result = ended(process)
    published_whole(shop, schema, result)
    assert rows(shop, schema, "aaa", "id") == [(1,)]
    assert log.snapshot(shop.table(schema) / "aaa").version == 0
    assert "of a later moment than the streams that ended before" in result.out, result
    assert not any("snapshot was lost" in note for note in result.stream(f"{schema}.aaa")["notes"]), result


def test_a_server_that_restarts_is_waited_for(shop, server, schema):
    write_job(shop, server.url(), slow_table(server, schema))
    process = shop.start("--json", "--readers", "2")
    assert harness.wait_until(lambda: reading(server), process=process)
    server.stop("fast")
    time.sleep(6)
    server.start()
    published_whole(shop, schema, ended(process))


def test_a_server_that_does_not_stop_failing_is_given_up(shop, server, schema):
    write_job(shop, server.url(), slow_table(server, schema))
    process = shop.start("--json", "--readers", "2")
    while process.poll() is None:
        if reading(server):
            kill(server, exporter(server) + reading(server))
        time.sleep(0.05)
    result = ended(process)
    assert result.code == harness.FAILED, result
    assert "in each of 4 snapshots" in result.out and "57P01" in result.out, result
    assert not list(shop.lake.rglob("*.parquet"))
    shop.run()
    assert ids(shop, schema) == ALL


def test_a_server_that_restarts_while_a_stream_is_planned(shop, server, schema):
    """The second stream's plan counts its NULL keys, slowly."""
    server.sql(f"CREATE TABLE {schema}.aaa AS SELECT 1 AS id")
    slow_table(server, schema, seconds=3)
    server.sql(f"CREATE VIEW {schema}.keyed AS SELECT id FROM {schema}.slow WHERE {schema}.nap(id) IS NOT NULL")
    write_job(shop, server.url(), f"{schema}.aaa: {{mode: full-refresh}}\n"
              f"{schema}.keyed: {{mode: incremental, update_key: id}}")
    process = shop.start("--json")
    assert harness.wait_until(lambda: reading(server, "SELECT%keyed%"), process=process)
    server.stop("immediate")
    server.start()
    result = ended(process)
    assert result.code == harness.PUBLISHED, str(result)
    assert ids(shop, schema, "keyed") == ALL and ids(shop, schema, "aaa") == {1: 1}


def test_a_question_that_was_never_answered_is_not_held_against_the_next_connection(shop, server, schema):
    """The one that asks for the latency hangs when the snapshot is lost."""
    write_job(shop, server.url(), slow_table(server, schema, seconds=40), ", max_latency: 800 ms")
    process = shop.start("--json", "--readers", "2")
    assert harness.wait_until(lambda: reading(server, "SELECT 0", "idle"), process=process)
    ((pid,),) = reading(server, "SELECT 0", "idle")
    os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(2.5)
        server.sql(f"CREATE OR REPLACE FUNCTION {schema}.nap(i int) RETURNS text LANGUAGE plpgsql VOLATILE AS $$"
                   " BEGIN IF i % 300 = 0 THEN PERFORM pg_sleep(0.01); END IF; RETURN 'x'; END $$")
        kill(server, exporter(server))
        kill(server, reading(server))
        result = ended(process)
    finally:
        os.kill(pid, signal.SIGCONT)
    published_whole(shop, schema, result)
    assert "snapshot was lost" in result.out and "held back" not in result.out, result


def test_what_is_read_is_published_though_the_server_is_gone(shop, server, schema):
    """One split, and then nothing more is asked of the source."""
    server.sql(f"CREATE TABLE {schema}.slow AS SELECT i AS id FROM generate_series(1, {ROWS}) i")
    write_job(shop, server.url(), f"{schema}.slow: {{mode: full-refresh, partition_by: 'truncate(id, 10)'}}")
    process = shop.start("--json", "--workers", "1")
    try:
        assert harness.wait_until(lambda: list(shop.lake.rglob("leat-*.parquet")), process=process)
        server.stop("immediate")
        result = ended(process)
    finally:
        server.start()
    assert result.code == harness.PUBLISHED, str(result)
    assert ids(shop, schema) == ALL


def test_the_snapshot_goes_once_all_rows_are_read(shop, server, schema):
    """Not before: the first of two streams leaves it to the second."""
    server.sql(f"CREATE TABLE {schema}.slow AS SELECT i AS id FROM generate_series(1, {ROWS}) i; CREATE TABLE {schema}.next (id int)")
    streams = [f"{schema}.slow: {{mode: full-refresh, partition_by: 'truncate(id, 10)'}}", f"{schema}.next: {{mode: full-refresh}}"]
    for n, held in ((1, False), (2, True)):
        write_job(shop, server.url(), "\n".join(streams[:n]))
        process = shop.start("--json", "--workers", "1")
        assert harness.wait_until(lambda: list(shop.lake.rglob("leat-*.parquet")), process=process)
        found = server.query("SELECT 1 FROM pg_stat_activity WHERE application_name = 'leat' AND xact_start IS NOT NULL")
        assert process.poll() is None
        result = ended(process)
        assert result.code == harness.PUBLISHED and bool(found) == held, (n, found, str(result))


@pytest.mark.usefixtures("blocks")
def test_a_run_killed_between_two_snapshots_leaves_nothing_bad(shop, server, schema):
    write_job(shop, server.url(), slow_table(server, schema))
    process = shop.start("--json", "--readers", "2")
    assert harness.wait_until(lambda: len([p for p in shop.staged() if p.name.startswith("split-")]) > 1, process=process)
    server.stop("immediate")
    time.sleep(0.5)
    harness.stop(process, signal.SIGKILL)
    server.start()
    published_whole(shop, schema, shop.run())


# ---- a standby ----


@pytest.fixture(scope="module")
def standby(place, server):
    standby = server.standby(place / "standby", {"max_standby_streaming_delay": 0, "hot_standby_feedback": "off"})
    yield standby
    standby.stop()


def replay_removes_rows(server, standby, schema):
    """Rows that a snapshot of the standby still sees are vacuumed away on the primary."""
    server.sql(f"UPDATE {schema}.slow SET id = id")
    server.sql(f"VACUUM {schema}.slow")
    standby.caught_up(server)


def test_a_conflict_with_replay_is_followed_by_a_new_snapshot(shop, server, schema, standby):
    job = slow_table(server, schema)
    standby.caught_up(server)
    write_job(shop, standby.url(), job)
    process = shop.start("--json", "--readers", "2")
    assert harness.wait_until(lambda: reading(standby), process=process)
    replay_removes_rows(server, standby, schema)
    result = ended(process)
    published_whole(shop, schema, result)
    (note,) = [n for n in result.stream()["notes"] if "snapshot was lost" in n]
    assert "conflict with recovery" in note and "hot_standby_feedback" in note, note


def test_a_standby_that_does_not_let_a_run_end_says_what_to_set(shop, server, schema, standby):
    job = slow_table(server, schema, seconds=20)
    standby.caught_up(server)
    write_job(shop, standby.url(), job)
    process = shop.start("--json", "--readers", "2")
    while process.poll() is None:
        replay_removes_rows(server, standby, schema)
        time.sleep(0.1)
    result = ended(process)
    assert result.code == harness.FAILED, result
    message = result.stream()["error"]["message"]
    assert "conflict with recovery" in message and "hot_standby_feedback" in message, message
    assert "in each of 4 snapshots" in message, message
    assert not list(shop.lake.rglob("*.parquet")) and shop.leat("runs").code == 0


# ---- the network ----


def cut_job(shop, proxy, streams):
    write_job(shop, f"postgres://admin@127.0.0.1:{proxy.port}/postgres", streams, ", network_timeout: 2 s, connect_timeout: 3 s")


def ports(server, what):
    return {port for (port,) in server.query(f"SELECT client_port FROM pg_stat_activity WHERE application_name = 'leat' AND {what}")}


def test_a_reader_that_is_cut_off_goes_on_in_the_same_snapshot(shop, server, schema):
    job = slow_table(server, schema)
    with CutProxy(server.port) as proxy:
        cut_job(shop, proxy, job)
        process = shop.start("--json", "--readers", "2")
        assert harness.wait_until(lambda: reading(server), process=process)
        some = sorted(ports(server, "query LIKE 'COPY%' AND state = 'active'"))[:1]
        proxy.cut_those(lambda port: port in some)
        started = time.monotonic()
        result = ended(process)
    published_whole(shop, schema, result)
    assert "snapshot was lost" not in result.out, result
    assert time.monotonic() - started < 20


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("words", [b"SET TRANSACTION SNAPSHOT", b"SET search_path"])
def test_a_reader_that_is_cut_off_as_it_begins_is_made_up_for(shop, server, schema, words):
    job = slow_table(server, schema)
    with CutProxy(server.port) as proxy:
        cut_job(shop, proxy, job)
        process = shop.start("--json", "--readers", "2")
        assert harness.wait_until(lambda: len(reading(server)) == 2, process=process)
        proxy.cut_before(words)
        kill(server, reading(server)[:1])
        started = time.monotonic()
        result = ended(process)
        assert proxy.words is None
    published_whole(shop, schema, result)
    assert "snapshot was lost" not in result.out, result
    assert time.monotonic() - started < 20


def test_a_server_that_is_cut_off_is_read_anew_once_it_is_back(shop, server, schema):
    job = slow_table(server, schema)
    with CutProxy(server.port) as proxy:
        cut_job(shop, proxy, job)
        process = shop.start("--json", "--readers", "2")
        assert harness.wait_until(lambda: reading(server), process=process)
        proxy.cut()
        time.sleep(6)
        proxy.heal()
        result = ended(process)
    published_whole(shop, schema, result)
    assert "snapshot was lost" in result.out, result


def test_an_interrupt_ends_a_run_whose_server_is_cut_off(shop, server, schema):
    job = slow_table(server, schema, seconds=30)
    with CutProxy(server.port) as proxy:
        cut_job(shop, proxy, job)
        process = shop.start("--json", "--readers", "2")
        assert harness.wait_until(lambda: reading(server), process=process)
        proxy.cut()
        result = harness.stop(process, signal.SIGINT)
    assert result.code == 130 and result.seconds < 6, str(result)


# ---- a signal ----


def nothing_is_left(server):
    return harness.wait_until(lambda: not server.query("SELECT 1 FROM pg_stat_activity WHERE application_name = 'leat'"), 1.0)


def test_an_interrupt_ends_the_readers_on_the_server_and_the_next_run_loads_all(shop, server, schema):
    write_job(shop, server.url(), slow_table(server, schema))
    process = shop.start("--json", "--readers", "3")
    assert harness.wait_until(lambda: reading(server), process=process)
    result = harness.stop(process, signal.SIGINT)
    assert result.code == 130 and result.seconds < 3, str(result)
    assert nothing_is_left(server)
    assert not list(shop.lake.rglob("*.parquet"))
    published_whole(shop, schema, shop.run())


def test_an_interrupt_ends_the_plan_on_the_server(shop, server, schema):
    slow_table(server, schema, seconds=60)
    server.sql(f"CREATE VIEW {schema}.keyed AS SELECT id FROM {schema}.slow WHERE {schema}.nap(id) IS NOT NULL")
    write_job(shop, server.url(), f"{schema}.keyed: {{mode: incremental, update_key: id}}")
    process = shop.start("--json")
    assert harness.wait_until(lambda: reading(server, "SELECT%keyed%"), process=process)
    result = harness.stop(process, signal.SIGINT)
    assert result.code == 130 and result.seconds < 3, str(result)
    assert nothing_is_left(server)
