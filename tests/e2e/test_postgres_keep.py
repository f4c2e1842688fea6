"""What a run keeps of its work when its snapshot is lost: the first ranges of an exact watermark, and nothing else."""

import collections
import json
import signal
import time

import harness
import pytest
from postgres_server import Server
from postgres_shop import rows, write_job

pytestmark = pytest.mark.skipif(not harness.LEAT.exists(), reason=f"no {harness.LEAT}")

OLD, NEW = 400000, 150000
FIRST, LAST = OLD + 1, OLD + NEW


@pytest.fixture(scope="module")
def server(place):
    server = Server(place / "server", {"max_connections": 30, "autovacuum": "off"})
    yield server
    server.stop()


def events(server, schema, seconds=4.0):
    """A table of many old rows and some new ones, which an index finds; they come slowly."""
    server.sql(f"""
        CREATE FUNCTION {schema}.nap(i bigint) RETURNS bool LANGUAGE plpgsql VOLATILE COST 0.01 AS $$
            BEGIN IF i % 1500 = 0 AND i > {OLD} THEN PERFORM pg_sleep({seconds / (NEW / 1500)}); END IF; RETURN true; END $$;
        CREATE TABLE {schema}.events (id bigserial, v text, pad text);
        INSERT INTO {schema}.events (v, pad) SELECT 'a', repeat('x', 60) FROM generate_series(1, {OLD});
        CREATE INDEX ON {schema}.events (id); ANALYZE {schema}.events""")


def new_rows(server, schema):
    server.sql(f"INSERT INTO {schema}.events (v) SELECT 'a' FROM generate_series(1, {NEW}); ANALYZE {schema}.events")


def job(shop, server, schema, where, words=""):
    write_job(shop, server.url(), f"{schema}.events: {{mode: incremental, update_key: id, select: [id, v], where: '{where}'}}", words)


def of_leat(server, condition):
    return server.query(f"SELECT pid FROM pg_stat_activity WHERE application_name = 'leat' AND {condition}")


def lose_the_snapshot(server):
    """The session that holds it goes, and those that read."""
    for (pid,) in of_leat(server, "backend_xmin IS NOT NULL AND (query LIKE 'COPY%' OR query NOT LIKE '%SET TRANSACTION SNAPSHOT%')"):
        server.query(f"SELECT pg_terminate_backend({pid})")


def read_some(shop, process, n=8):
    def segments():
        return [p for p in shop.staged() if p.suffix == ".seg"]
    assert harness.wait_until(lambda: len(segments()) >= n, process=process), process.communicate()


def saved_some(shop, process, n=6):
    def manifests():
        return [p for p in shop.staged() if p.name.startswith("split-") and p.suffix == ".json"]
    assert harness.wait_until(lambda: len(manifests()) >= n, process=process), process.communicate()


def ended(process, timeout=90):
    out, err = process.communicate(timeout=timeout)
    result = harness.Result(process.returncode, out.decode(), err.decode(), 0)
    assert result.code == harness.PUBLISHED, str(result)
    return result


def loaded(shop, schema):
    return collections.Counter((i, v) for i, v in rows(shop, schema, "events", "id", "v") if i > OLD)


def of_source(server, schema, condition="true"):
    return collections.Counter(server.query(f"SELECT id, v FROM {schema}.events WHERE id > {OLD} AND {condition}"))


def begin(shop, server, schema, words=""):
    """A run that has read some of the new rows."""
    events(server, schema)
    job(shop, server, schema, "id <= 100")
    shop.run()
    new_rows(server, schema)
    job(shop, server, schema, f"{schema}.nap(id) IS NOT NULL", words)
    process = shop.start("--json", "--readers", "2", "--save-every", "1 s")
    read_some(shop, process)
    return process


def kept(result):
    """The first key that was not kept."""
    report = result.stream()
    assert report["splits_kept"] >= 4 and report["rows_kept"] > 0, result
    assert "finished under an earlier snapshot and are kept" in result.out, result
    return FIRST + report["rows_kept"]


def test_ranges_of_the_watermark_that_were_read_are_kept(shop, server, schema):
    process = begin(shop, server, schema)
    before = of_source(server, schema)
    server.sql(f"""
        UPDATE {schema}.events SET v = 'new' WHERE id IN ({FIRST}, {LAST});
        DELETE FROM {schema}.events WHERE id IN ({FIRST + 1}, {LAST - 1});
        UPDATE {schema}.events SET id = nextval('{schema}.events_id_seq'), v = 'moved' WHERE id IN ({FIRST + 2}, {LAST - 2});
        INSERT INTO {schema}.events (v) SELECT 'late' FROM generate_series(1, 50)""")
    lose_the_snapshot(server)
    result = ended(process)
    end = kept(result)
    assert FIRST + 2 < end < LAST - 2
    expected = collections.Counter({row: n for row, n in before.items() if row[0] < end}) + of_source(server, schema, f"id >= {end}")
    assert loaded(shop, schema) == expected
    report = result.stream()
    assert report["rows_read"] + report["rows_kept"] == report["rows_written"] == expected.total(), report
    assert not shop.staged()
    server.sql(f"INSERT INTO {schema}.events (v) VALUES ('later')")
    assert shop.run().stream()["rows_read"] == 1


def test_what_is_kept_twice_is_not_read_again_either(shop, server, schema):
    process = begin(shop, server, schema)
    lose_the_snapshot(server)
    assert harness.wait_until(lambda: of_leat(server, "query LIKE 'COPY%' AND state = 'active'"), process=process)
    time.sleep(1)
    lose_the_snapshot(server)
    result = ended(process)
    kept(result)
    assert result.out.count("finished under an earlier snapshot") == 1 and "lost again" in result.out, result
    assert loaded(shop, schema) == of_source(server, schema)
    report = result.stream()
    assert report["rows_read"] + report["rows_kept"] == report["rows_written"] == NEW, report


def test_where_the_new_snapshot_has_no_bound_the_kept_rows_end_at_their_own(shop, server, schema):
    process = begin(shop, server, schema, ", settle: 1 s")
    with server.connect() as other:
        other.execute(f"INSERT INTO {schema}.events (v) VALUES ('open')")
        lose_the_snapshot(server)
        result = ended(process)
        end = kept(result)
        assert loaded(shop, schema) == of_source(server, schema, f"id < {end}")
        assert result.stream()["watermark"] == str(end), result
        other.commit()
    shop.run()
    assert loaded(shop, schema) == of_source(server, schema)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_was_stopped_leaves_them_to_the_next(shop, server, schema, how):
    process = begin(shop, server, schema, words=", settle: 1 s")
    before = of_source(server, schema)
    if how == signal.SIGKILL:
        saved_some(shop, process)
    harness.stop(process, how)
    server.sql(f"DELETE FROM {schema}.events WHERE id IN ({FIRST}, {LAST}); INSERT INTO {schema}.events (v) VALUES ('late')")
    result = shop.run()
    end = kept(result)
    assert loaded(shop, schema) == (collections.Counter({row: n for row, n in before.items() if row[0] < end})
                                    + of_source(server, schema, f"id >= {end}"))
    assert not shop.staged()


@pytest.mark.parametrize("cut", [False, True], ids=["gone", "cut"])
def test_what_has_lost_its_segment_is_read_again(shop, server, schema, cut):
    process = begin(shop, server, schema)
    saved_some(shop, process)
    harness.stop(process, signal.SIGKILL)
    (segment,) = [p for p in shop.staged() if p.name.startswith("split-00002") and p.suffix == ".seg"]
    if cut:
        segment.write_bytes(segment.read_bytes()[:-1])
    else:
        segment.unlink()
    report = shop.run().stream()
    assert report["splits_kept"] == 2, report
    assert loaded(shop, schema) == of_source(server, schema)


def test_a_job_that_does_something_else_keeps_nothing(shop, server, schema):
    process = begin(shop, server, schema)
    saved_some(shop, process)
    harness.stop(process, signal.SIGKILL)
    job(shop, server, schema, f"{schema}.nap(id) IS NOT NULL AND true")
    report = shop.run().stream()
    assert report["splits_kept"] == 0 and report["rows_read"] == NEW, report
    assert loaded(shop, schema) == of_source(server, schema)


def test_what_was_read_on_another_day_is_read_again(shop, server, schema):
    """Partitions may depend on the day: then a plan of what is left is dropped for one of all rows."""
    process = begin(shop, server, schema)
    saved_some(shop, process)
    harness.stop(process, signal.SIGKILL)
    (plan,) = [p for p in shop.staged() if p.name == "plan.json"]
    plan.write_text(json.dumps({**json.loads(plan.read_text()), "today": 1}))
    report = shop.run().stream()
    assert report["splits_kept"] == 0 and report["rows_read"] == NEW, report
    assert loaded(shop, schema) == of_source(server, schema)


@pytest.mark.usefixtures("blocks")
def test_blocks_are_not_kept(shop, server, schema):
    """A first load reads them: rows may lie elsewhere under another snapshot."""
    events(server, schema)
    new_rows(server, schema)
    job(shop, server, schema, f"{schema}.nap(id) IS NOT NULL")
    process = shop.start("--json", "--readers", "2", "--save-every", "1 s")
    read_some(shop, process)
    server.sql(f"UPDATE {schema}.events SET v = 'b' WHERE id < 1000")
    lose_the_snapshot(server)
    report = ended(process).stream()
    assert report["splits_kept"] == report["rows_kept"] == 0 and report["rows_read"] == OLD + NEW, report
    assert loaded(shop, schema) == of_source(server, schema)
