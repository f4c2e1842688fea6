"""How a stream of a PostgreSQL is cut: every row is in one split, whatever statistics say, and no more is read than needed."""

import json
import re
import time

import harness
import pytest
from postgres_shop import rows, write_job

pytestmark = pytest.mark.skipif(not harness.LEAT.exists(), reason=f"no {harness.LEAT}")

N = 250_000
LEAST, MOST = -(2**63), 2**63 - 1


def plan(shop, *words):
    result = shop.leat("plan", shop.job, "--json", *words)
    assert result.code == 0, result
    return json.loads(result.out)["streams"][0]


def load(shop, server, stream, words="mode: full-refresh", source_words=""):
    write_job(shop, server.url(), f"{stream}: {{{words}}}", source_words)
    return shop.run().stream()


def keys(shop, schema, name, column="id"):
    return sorted((k for (k,) in rows(shop, schema, name, column)), key=lambda k: (k is None, k or 0))


# ---- ranges of a key ----


@pytest.fixture
def seen(server, schema):
    """A view over a table whose keys leave gaps, are NULL, and go to both ends of their type."""
    server.sql(f"""
        CREATE TABLE {schema}.t (id bigint, at timestamptz, day date, pad text);
        INSERT INTO {schema}.t SELECT i * 3, '2020-01-01'::timestamptz + i * interval '1 s', '2020-01-01'::date + i / 50, 'x'
            FROM generate_series(1, {N}) i;
        INSERT INTO {schema}.t VALUES (NULL, NULL, NULL, 'null'), ({LEAST}, '-infinity', '-infinity', 'least'),
            ({MOST}, 'infinity', 'infinity', 'most');
        CREATE INDEX ON {schema}.t (id); CREATE INDEX ON {schema}.t (at); CREATE INDEX ON {schema}.t (day);
        CREATE VIEW {schema}.inner_view AS SELECT id, at, day FROM {schema}.t;
        CREATE VIEW {schema}.v AS SELECT id, at::text, at AS moment, day FROM {schema}.inner_view;
        ANALYZE {schema}.t
        """)
    return [LEAST, *range(3, 3 * N + 1, 3), MOST, None]


def test_a_view_with_a_key_is_cut_by_it(shop, server, schema, seen):
    report = load(shop, server, f"{schema}.v", "mode: full-refresh, primary_key: [id], select: [id]")
    assert report["splits"] > 3, report
    assert keys(shop, schema, "v") == seen


@pytest.mark.parametrize("key", ["moment", "day"])
def test_dates_and_times_cut_too_and_infinite_ones_are_read(shop, server, schema, seen, key):
    query = f"SELECT * FROM {schema}.v"
    words = f"mode: full-refresh, primary_key: [{key}], columns: {{moment: {{on_error: 'null'}}, day: {{on_error: 'null'}}}}"
    view = load(shop, server, f"{schema}.v", words)
    if key == "day":  # a name that the table has, too: its statistics tell where to cut
        assert view["splits"] > 3, view
    assert keys(shop, schema, "v") == seen
    server.sql(f"DELETE FROM {schema}.t WHERE NOT isfinite(at)")
    load(shop, server, "q", f"query: '{query}', " + words)
    assert keys(shop, ".", "q") == [*range(3, 3 * N + 1, 3), None]


def test_cuts_that_are_out_of_date_lose_nothing(shop, server, schema, seen):
    server.sql(f"UPDATE {schema}.t SET id = id + {N} WHERE id BETWEEN 0 AND {3 * N}")
    report = load(shop, server, f"{schema}.v", "mode: full-refresh, primary_key: [id], select: [id]")
    assert report["splits"] > 3, report
    assert keys(shop, schema, "v") == [LEAST, *range(N + 3, 4 * N + 1, 3), MOST, None]


def test_a_query_with_a_key_is_cut_at_even_distances(shop, server, schema, seen):
    server.sql(f"DELETE FROM {schema}.t WHERE id NOT BETWEEN 0 AND {3 * N}")
    report = load(shop, server, "q", f"mode: full-refresh, primary_key: [id], query: 'SELECT id FROM {schema}.t WHERE id <> 3'")
    assert report["splits"] > 3, report
    assert keys(shop, ".", "q") == list(range(6, 3 * N + 1, 3))


def test_a_key_without_an_index_cuts_nothing_and_the_plan_says_why(shop, server, schema, seen):
    server.sql(f"DROP INDEX {schema}.t_id_idx")
    write_job(shop, server.url(), f"{schema}.v: {{mode: full-refresh, primary_key: [id]}}")
    planned = plan(shop)
    assert planned["splits"] == 1, planned
    assert any("read all of it for each range" in note for note in planned["notes"]), planned


def test_a_view_that_names_no_key_is_read_at_once(shop, server, schema, seen):
    assert load(shop, server, f"{schema}.v", "mode: full-refresh, select: [id]")["splits"] == 1
    assert keys(shop, schema, "v") == seen


# ---- through an index ----


def scans(server, schema, table="events"):
    return server.query(f"SELECT seq_scan, idx_scan FROM pg_stat_user_tables WHERE schemaname = '{schema}' AND relname = '{table}'")[0]


def scans_until(server, schema, good):
    end = time.monotonic() + 10
    while not good(scans(server, schema)):
        assert time.monotonic() < end, scans(server, schema)
        time.sleep(0.1)
    time.sleep(1.1)  # what other sessions have to tell
    return scans(server, schema)


def test_many_new_rows_come_in_ranges_of_the_index(shop, server, schema):
    server.sql(f"CREATE TABLE {schema}.events (id bigserial, pad text);"
               f"INSERT INTO {schema}.events (pad) SELECT repeat('x', 100) FROM generate_series(1, {4 * N}) i;"
               f"CREATE INDEX ON {schema}.events (id); ANALYZE {schema}.events")
    load(shop, server, f"{schema}.events", "mode: incremental, update_key: id, select: [id], where: 'id <= 100'")
    server.sql(f"INSERT INTO {schema}.events (pad) SELECT 'y' FROM generate_series(1, {N}) i; ANALYZE {schema}.events")
    before = scans_until(server, schema, lambda s: True)
    write_job(shop, server.url(), f"{schema}.events: {{mode: incremental, update_key: id, select: [id]}}")
    report = shop.run().stream()
    assert report["rows_read"] == N and report["splits"] > 1, report
    after = scans_until(server, schema, lambda s: s[1] > before[1])
    assert after[0] == before[0], (before, after)  # nothing was read from end to end
    assert keys(shop, schema, "events") == [*range(1, 101), *range(4 * N + 1, 5 * N + 1)]


def test_a_run_of_few_rows_has_two_connections(shop, server, schema):
    server.sql(f"CREATE TABLE {schema}.events (id bigserial, at timestamptz NOT NULL DEFAULT now());"
               f"INSERT INTO {schema}.events (at) SELECT now() - interval '1 hour' FROM generate_series(1, {N});"
               f"CREATE INDEX ON {schema}.events (id); ANALYZE {schema}.events")
    load(shop, server, f"{schema}.events", "mode: incremental, update_key: id")
    server.sql(f"INSERT INTO {schema}.events DEFAULT VALUES")
    server.sql("ALTER SYSTEM SET log_connections = on")
    server.sql("SELECT pg_reload_conf()")
    time.sleep(0.2)
    log = server.folder / "log"
    told = log.stat().st_size
    try:
        report = shop.run().stream()
    finally:
        server.sql("ALTER SYSTEM RESET log_connections")
        server.sql("SELECT pg_reload_conf()")
    assert (report["rows_read"], report["splits"]) == (1, 1), report
    with log.open() as lines:
        lines.seek(told)
        assert len(re.findall(r"connection authorized: .*application_name=leat", lines.read())) == 2


def test_a_stream_that_can_not_be_planned_leaves_the_snapshot_to_the_others(shop, server, schema):
    server.sql(f"CREATE TABLE {schema}.a AS SELECT i AS id FROM generate_series(1, 10) i; CREATE TABLE {schema}.b (id int)")
    write_job(shop, server.url(), f"""
        {schema}.a: {{mode: full-refresh}}
        {schema}.b: {{mode: full-refresh, where: 'id = )'}}
        q: {{mode: full-refresh, query: 'SELECT id + 1 AS n FROM {schema}.a'}}
        """)
    shop.run(expect=harness.SOME_FAILED)
    assert keys(shop, schema, "a") == list(range(1, 11))
    assert keys(shop, ".", "q", "n") == list(range(2, 12))


# ---- what rows may be made of ----


@pytest.fixture
def elsewhere(server, schema):
    """A foreign table of another database of the server, with N rows."""
    if not server.query("SELECT 1 FROM pg_available_extensions WHERE name = 'postgres_fdw'"):
        pytest.skip("this server comes without postgres_fdw")
    server.sql(f"CREATE DATABASE {schema}_far")
    server.sql(f"CREATE TABLE t (id bigint PRIMARY KEY, pad text); INSERT INTO t SELECT i, 'x' FROM generate_series(1, {N}) i; ANALYZE t",
               f"{schema}_far")
    server.sql(f"""
        CREATE EXTENSION IF NOT EXISTS postgres_fdw;
        CREATE SERVER {schema} FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '{server.folder}', port '{server.port}', dbname '{schema}_far');
        CREATE USER MAPPING FOR admin SERVER {schema} OPTIONS (user 'admin');
        CREATE FOREIGN TABLE {schema}.far (id bigint, pad text) SERVER {schema} OPTIONS (schema_name 'public', table_name 't');
        ANALYZE {schema}.far
        """)
    yield
    server.sql(f"DROP SERVER {schema} CASCADE")
    server.sql(f"DROP DATABASE {schema}_far (FORCE)" if server.version() > 12 else f"DROP DATABASE {schema}_far")


def test_a_foreign_table_and_what_reads_it_are_one_piece(shop, server, schema, elsewhere):
    server.sql(f"""
        CREATE VIEW {schema}.v AS SELECT * FROM {schema}.far;
        CREATE TABLE {schema}.mixed (id bigint, pad text) PARTITION BY RANGE (id);
        CREATE TABLE {schema}.here PARTITION OF {schema}.mixed FOR VALUES FROM ({N + 1}) TO ({2 * N + 1});
        INSERT INTO {schema}.here SELECT i, 'y' FROM generate_series({N + 1}, {2 * N}) i;
        ALTER TABLE {schema}.mixed ATTACH PARTITION {schema}.far FOR VALUES FROM (1) TO ({N + 1})
        """)
    for stream, last in (("far", N), ("v", N), ("mixed", 2 * N)):
        assert load(shop, server, f"{schema}.{stream}", "mode: full-refresh, primary_key: [id]")["splits"] == 1
        assert keys(shop, schema, stream) == list(range(1, last + 1))


def test_a_table_with_a_foreign_part_has_no_exact_bound(shop, server, schema, elsewhere):
    server.sql(f"""
        CREATE TABLE {schema}.mixed (id bigserial, pad text);
        ALTER FOREIGN TABLE {schema}.far ALTER id SET NOT NULL;
        ALTER FOREIGN TABLE {schema}.far INHERIT {schema}.mixed
        """)
    write_job(shop, server.url(), f"{schema}.mixed: {{mode: incremental, update_key: id}}")
    (found,) = [f for f in shop.leat("check", shop.job, "--json").json["findings"] if f["subject"] == "update_key"]
    assert found["level"] == "warning" and "a part of it is a foreign table" in found["found"], found


def test_partitions_of_partitions_and_children_of_children_are_read_once(shop, server, schema):
    server.sql(f"""
        CREATE TABLE {schema}.tree (id bigint, at date, kind text) PARTITION BY RANGE (at);
        CREATE TABLE {schema}.y20 PARTITION OF {schema}.tree FOR VALUES FROM ('2020-01-01') TO ('2021-01-01') PARTITION BY LIST (kind);
        CREATE TABLE {schema}.y20a PARTITION OF {schema}.y20 FOR VALUES IN ('a') PARTITION BY HASH (id);
        CREATE TABLE {schema}.y20a0 PARTITION OF {schema}.y20a FOR VALUES WITH (MODULUS 2, REMAINDER 0);
        CREATE TABLE {schema}.y20a1 PARTITION OF {schema}.y20a FOR VALUES WITH (MODULUS 2, REMAINDER 1);
        CREATE TABLE {schema}.y20z PARTITION OF {schema}.y20 DEFAULT;
        CREATE TABLE {schema}.rest PARTITION OF {schema}.tree DEFAULT;
        INSERT INTO {schema}.tree SELECT i, DATE '2019-12-01' + i % 600, CASE i % 3 WHEN 0 THEN 'a' WHEN 1 THEN 'b' END FROM generate_series(1, 30000) i;
        CREATE TABLE {schema}.p (id bigint); CREATE TABLE {schema}.c (x int) INHERITS ({schema}.p); CREATE TABLE {schema}.g (y int) INHERITS ({schema}.c);
        CREATE TABLE {schema}.p2 (id bigint); CREATE TABLE {schema}.both () INHERITS ({schema}.p, {schema}.p2);
        INSERT INTO {schema}.p VALUES (1); INSERT INTO {schema}.c VALUES (2, 0); INSERT INTO {schema}.g VALUES (3, 0, 0);
        INSERT INTO {schema}.both VALUES (4); INSERT INTO {schema}.p2 VALUES (5)
        """)
    load(shop, server, f"{schema}.tree")
    assert keys(shop, schema, "tree") == list(range(1, 30001))
    load(shop, server, f"{schema}.p")
    assert keys(shop, schema, "p") == [1, 2, 3, 4]


def test_a_materialized_view_is_cut_into_blocks(shop, server, schema):
    server.sql(f"CREATE MATERIALIZED VIEW {schema}.m AS SELECT i AS id, repeat('x', 200) AS pad FROM generate_series(1, 100000) i")
    report = load(shop, server, f"{schema}.m", "mode: full-refresh, select: [id]")
    assert report["splits"] > 4 or server.version() < 14, report
    assert keys(shop, schema, "m") == list(range(1, 100001))


def test_a_table_before_14_is_cut_by_its_primary_key(shop, server, schema):
    if server.version() >= 14:
        pytest.skip("from PostgreSQL 14 on it is cut into blocks")
    server.sql(f"CREATE TABLE {schema}.t (id bigint PRIMARY KEY, pad text);"
               f"INSERT INTO {schema}.t SELECT i, repeat('x', 100) FROM generate_series(1, {N}) i; ANALYZE {schema}.t")
    assert load(shop, server, f"{schema}.t", "mode: full-refresh, select: [id]")["splits"] > 4
    assert keys(shop, schema, "t") == list(range(1, N + 1))


# ---- a NOT NULL that does not hold ----


def load_as_parent_alone(shop, server, schema, name):
    """As a user who may read the rows through the parent only: then nothing is cut into blocks."""
    role = f"few_{schema}"
    server.sql(f"CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA {schema} TO {role}; GRANT SELECT ON {schema}.{name} TO {role}")
    try:
        write_job(shop, server.url(user=role), f"{schema}.{name}: {{mode: full-refresh, select: [id, part], primary_key: [id]}}")
        return shop.run().stream()
    finally:
        server.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_nulls_of_a_child_that_dropped_its_parents_not_null_are_read(shop, server, schema):
    if server.version() >= 18:
        pytest.skip("from PostgreSQL 18 on a child can't")
    server.sql(f"""
        CREATE TABLE {schema}.p (id bigint NOT NULL, part int NOT NULL, pad text);
        CREATE TABLE {schema}.c () INHERITS ({schema}.p);
        CREATE TABLE {schema}.g () INHERITS ({schema}.c);
        ALTER TABLE {schema}.g ALTER id DROP NOT NULL, ALTER part DROP NOT NULL;
        INSERT INTO {schema}.p SELECT i, 1, repeat('x', 90) FROM generate_series(1, {N}) i;
        INSERT INTO {schema}.c SELECT i, 2, repeat('x', 90) FROM generate_series({N + 1}, {2 * N}) i;
        INSERT INTO {schema}.g VALUES (NULL, NULL), (NULL, 7), ({2 * N + 1}, NULL);
        CREATE INDEX ON {schema}.p (id); CREATE INDEX ON {schema}.c (id); CREATE INDEX ON {schema}.g (id);
        ANALYZE {schema}.p; ANALYZE {schema}.c
        """)
    report = load_as_parent_alone(shop, server, schema, "p")
    assert report["splits"] > 3 and report["rows_read"] == 2 * N + 3, report
    assert keys(shop, schema, "p") == [*range(1, 2 * N + 2), None, None]
    assert load(shop, server, f"{schema}.p", "mode: full-refresh, select: [id, part], object: blocks")["rows_read"] == 2 * N + 3
    assert keys(shop, ".", "blocks", "part")[-2:] == [None, None]


def test_nulls_below_a_not_null_that_is_not_valid_are_read(shop, server, schema):
    if server.version() < 18:
        pytest.skip("NOT NULL ... NOT VALID came with PostgreSQL 18")
    server.sql(f"""
        CREATE TABLE {schema}.t (id bigint, part int);
        INSERT INTO {schema}.t SELECT i, 1 FROM generate_series(1, {N}) i;
        INSERT INTO {schema}.t VALUES (NULL, NULL);
        ALTER TABLE {schema}.t ADD CONSTRAINT id_there NOT NULL id NOT VALID, ADD CONSTRAINT part_there NOT NULL part NOT VALID;
        CREATE INDEX ON {schema}.t (id); ANALYZE {schema}.t
        """)
    assert load(shop, server, f"{schema}.t", "mode: full-refresh")["rows_read"] == N + 1
    assert keys(shop, schema, "t") == [*range(1, N + 1), None]
    assert keys(shop, schema, "t", "part")[-1] is None
    write_job(shop, server.url(), f"{schema}.t: {{mode: incremental, update_key: id, object: by_key}}")
    assert "1 rows have no" in shop.run(expect=harness.FAILED).err


def test_a_not_null_of_a_foreign_table_is_not_believed(shop, server, schema, elsewhere):
    server.sql("ALTER TABLE t DROP CONSTRAINT t_pkey; ALTER TABLE t ALTER id DROP NOT NULL; INSERT INTO t VALUES (NULL, 'null')",
               f"{schema}_far")
    server.sql(f"ALTER FOREIGN TABLE {schema}.far ALTER id SET NOT NULL")
    assert load(shop, server, f"{schema}.far", "mode: full-refresh")["rows_read"] == N + 1
    assert keys(shop, schema, "far") == [*range(1, N + 1), None]
