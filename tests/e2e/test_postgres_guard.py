"""What a run does to a PostgreSQL: how many connections read, how fast, and when they hold back."""

import signal
import threading
import time

import harness
import pytest
from delay_proxy import DelayProxy
from postgres_server import Server
from postgres_shop import table, write_job

pytestmark = pytest.mark.skipif(not harness.LEAT.exists(), reason=f"no {harness.LEAT}")

ROWS = 60000  # of about 220 bytes


@pytest.fixture(scope="module")
def server(place):
    server = Server(place / "server", {"wal_level": "replica"})
    server.sql("CREATE TABLE public.big AS SELECT i AS id, md5(i::text) || md5((-i)::text) || repeat('x', 110) AS note"
               f" FROM generate_series(1, {ROWS}) i")
    server.sql("ANALYZE big; CREATE TABLE public.one AS SELECT 1 AS id; CREATE VIEW public.lone AS SELECT * FROM big")
    yield server
    server.stop()


def far(server, proxy):
    return f"postgres://admin@127.0.0.1:{proxy.port}/postgres"


def write(shop, url, words="", streams="public.big: {mode: full-refresh, object: big}"):
    write_job(shop, url, streams, words)


def check_table(shop, name="big"):
    assert sorted(table(shop, ".", name)["id"].to_pylist()) == list(range(1, ROWS + 1))


# ---- how many read ----


@pytest.mark.usefixtures("blocks")
def test_over_a_long_link_the_readers_become_more(shop, server):
    with DelayProxy(server.port, 0.040, 64 << 10) as proxy:
        write(shop, far(server, proxy))
        readers = shop.run().stream()["readers"]
    check_table(shop)
    counts = [rate["readers"] for rate in readers["rates"]]
    assert counts[0] == 2 and readers["most"] == 8, readers
    assert readers["chosen"] > 2, readers
    assert readers["why"].startswith(("as many as", "all was read", "a ")), readers
    assert readers["rates"][-1]["bytes_per_second"] > 1.2 * readers["rates"][0]["bytes_per_second"], readers


@pytest.mark.usefixtures("blocks")
def test_a_number_that_is_given_stays(shop, server):
    with DelayProxy(server.port, 0.010, 256 << 10) as proxy:
        write(shop, far(server, proxy))
        readers = shop.run("--readers", 3).stream()["readers"]
    assert (readers["chosen"], readers["why"], readers["rates"]) == (3, "fixed by --readers", [])


def test_no_more_readers_than_connections_allows(shop, server):
    write(shop, server.url(), ", connections: 1")
    readers = shop.run().stream()["readers"]
    assert (readers["chosen"], readers["why"]) == (1, "as many as `connections` allows")
    write(shop, server.url(), streams="public.lone: {mode: full-refresh, object: lone}")
    readers = shop.run().stream()["readers"]
    assert (readers["chosen"], readers["why"]) == (1, "the stream is in one piece")


@pytest.mark.usefixtures("blocks")
def test_a_plan_says_between_how_many(shop, server):
    write(shop, server.url(), ", connections: 5")
    assert "2 to 5 readers" in shop.leat("plan", shop.job).out
    assert ", 4 readers" in shop.leat("plan", shop.job, "--readers", 4).out


@pytest.mark.usefixtures("blocks")
def test_a_run_in_words_says_why(shop, server):
    with DelayProxy(server.port, 0.040, 64 << 10) as proxy:
        write(shop, far(server, proxy))
        out = shop.leat("run", shop.job).out
    assert " readers: " in out and " (2: " in out and "B/s, 3: " in out, out


@pytest.mark.usefixtures("blocks")
def test_all_connections_of_a_run_are_bounded(shop, server):
    """Several streams, the first over many connections, the second over one: three plan and hold, `connections` read."""
    streams = "\n".join(f"public.{name}: {{mode: full-refresh, object: {name}}}" for name in ("big", "lone", "one"))
    seen, reading = [], []
    with DelayProxy(server.port, 0.020, 64 << 10) as proxy, server.connect(autocommit=True) as connection:
        write(shop, far(server, proxy), ", connections: 4", streams)
        process = shop.start("--json")
        while process.poll() is None:
            found = connection.execute(
                "SELECT query FROM pg_stat_activity WHERE application_name = 'leat'").fetchall()
            seen.append(len(found))
            reading.append(sum("COPY" in query for query, in found))
            time.sleep(0.005)
        assert process.wait() == harness.PUBLISHED, process.stderr.read()
    check_table(shop)
    check_table(shop, "lone")
    assert max(seen) <= 4 + 3 and max(reading) in (3, 4), (max(seen), max(reading))
    # while the second stream is read, what the first needed more is gone
    assert [n for n in seen if n][-1] <= 3 + 2, seen[-20:]


# ---- how fast ----


def test_a_rate_is_kept(shop, server):
    write(shop, server.url(), ", max_rate: 5MB")
    run = shop.run()
    stream = run.stream()
    assert stream["bytes_read"] / stream["stage_seconds"]["read"] < 1e9  # it was counted
    assert stream["wall_seconds"] > stream["bytes_read"] / 5e6 - 0.2, stream
    check_table(shop)


def test_a_run_that_keeps_to_a_rate_can_be_stopped(shop, server):
    write(shop, server.url(), ", max_rate: 50kB")
    process = shop.start()
    time.sleep(1.5)
    assert process.poll() is None
    stopped = harness.stop(process, signal.SIGINT)
    assert stopped.code == 130 and stopped.seconds < 5, stopped


# ---- when it holds back ----


def resumes_after(shop, heal, *arguments, seconds=4.0):
    """What a run says of having held back, which can't end before HEAL was called."""
    process = shop.start("--json", *arguments)
    timer = threading.Timer(seconds, heal)
    timer.start()
    time.sleep(seconds - 0.5)
    waited = process.poll() is None
    try:
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        timer.join()
    result = harness.Result(process.returncode, out.decode(), err.decode(), 0)
    assert waited and result.code == harness.PUBLISHED, result
    (note,) = [note for note in result.stream()["notes"] if note.startswith("held back for ")]
    return note


def test_above_its_latency_the_server_is_left_alone(shop, server):
    with DelayProxy(server.port, 0.150, 16 << 10) as proxy:
        write(shop, far(server, proxy), ", max_latency: 100 ms")

        def heal():
            proxy.delay.value = 0.001

        note = resumes_after(shop, heal)
    assert ": latency " in note and note.endswith(" over 100 ms"), note
    check_table(shop)


def test_a_given_number_of_readers_goes_back_as_well(shop, server):
    with DelayProxy(server.port, 0.150, 16 << 10) as proxy:
        write(shop, far(server, proxy), ", max_latency: 100 ms")

        def heal():
            proxy.delay.value = 0.001

        note = resumes_after(shop, heal, "--readers", 3)
    assert ": latency " in note, note


def nothing_is_read_while_a_standby_is_behind(shop, server, folder, limit, told):
    standby = server.standby(folder, {"hot_standby": "on"})
    try:
        standby.caught_up(server)
        standby.sql("SELECT pg_wal_replay_pause()")
        server.sql("CREATE TABLE public.wal AS SELECT repeat('x', 1000) AS x FROM generate_series(1, 5000)")
        with DelayProxy(server.port, 0.040, 16 << 10) as proxy:
            write(shop, far(server, proxy), f", max_replication_lag: {limit}")

            def heal():
                standby.sql("SELECT pg_wal_replay_resume()")
                proxy.delay.value = 0.001

            note = resumes_after(shop, heal)
    finally:
        server.sql("DROP TABLE IF EXISTS public.wal")
        standby.stop()
    assert ": replication lag " in note and note.endswith(told), note
    check_table(shop)


def test_while_a_standby_is_behind_nothing_is_read(shop, server, place):
    nothing_is_read_while_a_standby_is_behind(shop, server, place / "standby", "1MB", " over 1.0 MB")


@pytest.mark.usefixtures("blocks")  # the time is known when the only piece has begun
def test_a_standby_that_stands_still_is_behind_in_time(shop, server, place):
    nothing_is_read_while_a_standby_is_behind(shop, server, place / "still", "500 ms", " s over 0.5 s")


@pytest.mark.parametrize("from_standby", [False, True])
def test_an_idle_primary_has_no_standby_that_is_behind_in_time(shop, server, place, from_standby):
    standby = server.standby(place / f"idle{from_standby}", {"hot_standby": "on"})
    try:
        standby.caught_up(server)
        time.sleep(2)  # the last transaction is older than the limit
        with DelayProxy((standby if from_standby else server).port, 0.010, 16 << 10) as proxy:
            write(shop, far(server, proxy), ", max_replication_lag: 1 s")
            notes = shop.run().stream()["notes"]
    finally:
        standby.stop()
    assert not any("held back" in note or "watched" in note for note in notes), notes
    check_table(shop)


@pytest.mark.parametrize("value", ["far", "0", "-3 s", "2 fortnights"])
def test_a_lag_that_is_neither_size_nor_time_is_refused(shop, server, value):
    write(shop, server.url(), f", max_replication_lag: '{value}'")
    result = shop.leat("run", shop.job)
    assert result.code in (harness.USAGE, harness.FAILED) and "expected a size such as 64MB or a time such as 10 s" in result.err, result


def test_a_lag_that_may_not_be_seen_is_told(shop, server, place):
    server.sql("CREATE ROLE plain LOGIN; GRANT SELECT ON public.big TO plain")
    standby = server.standby(place / "second", {"hot_standby": "on"})
    try:
        write(shop, server.url(user="plain"), ", max_replication_lag: 1MB")
        notes = shop.run().stream()["notes"]
    finally:
        standby.stop()
        server.sql("REVOKE ALL ON public.big FROM plain; DROP ROLE plain")
    assert any("pg_read_all_stats" in note for note in notes), notes


@pytest.mark.parametrize("value", ["fast", "0 ms", "-3 s", "2 fortnights"])
def test_a_latency_that_is_no_time_is_refused(shop, server, value):
    write(shop, server.url(), f", max_latency: '{value}'")
    result = shop.leat("run", shop.job)
    assert result.code in (harness.USAGE, harness.FAILED) and "max_latency: expected a time such as 100 ms" in result.err, result
