"""Ways to a PostgreSQL: connection strings, TLS, a standby; and what check, discover and init say of it."""

import json
import signal
import socket
import subprocess
import time

import harness
import pytest
from postgres_server import Server
from postgres_shop import rows, write_job

pytestmark = pytest.mark.skipif(not harness.LEAT.exists(), reason=f"no {harness.LEAT}")


@pytest.fixture(scope="module")
def server(place):
    server = Server(place / "server", {"wal_level": "logical", "password_encryption": "'scram-sha-256'"})
    hba = server.data / "pg_hba.conf"
    hba.write_text("host all guarded 127.0.0.1/32 scram-sha-256\n" + hba.read_text())
    server.sql("CREATE ROLE guarded LOGIN PASSWORD 'a b''c'; CREATE TABLE public.t (id int); INSERT INTO t VALUES (7);"
               "GRANT SELECT ON public.t TO guarded; SELECT pg_reload_conf()")
    yield server
    server.stop()


# ---- connection strings ----


def load_t(shop, url, env=None, expect=harness.PUBLISHED):
    write_job(shop, url, "public.t: {mode: full-refresh, object: t}")
    result = shop.run(expect=expect, env=env)
    if expect == harness.PUBLISHED:
        assert rows(shop, ".", "t", "id") == [(7,)]
    return result


@pytest.mark.parametrize(
    "url",
    [
        "postgres://admin@/postgres?host={0.folder}&port={0.port}",
        "postgresql://admin@127.0.0.1:{0.port}/postgres",
        "postgresql://127.0.0.1:{0.port}/postgres?user=admin&application_name=a%20b",
        "postgres:host={0.folder} port={0.port} user=admin dbname=postgres",
        "postgresql:dbname = ''postgres'' host={0.folder}  port={0.port} user=admin",
        "postgres://admin@127.0.0.1:1,127.0.0.1:{0.port}/postgres",
    ],
)
def test_every_form_of_a_connection_string(shop, server, url):
    load_t(shop, url.format(server))


def test_what_is_not_said_comes_from_the_environment(shop, server):
    said = {"PGHOST": str(server.folder), "PGPORT": str(server.port), "PGUSER": "admin", "PGDATABASE": "postgres"}
    load_t(shop, "postgres://", said)
    load_t(shop, "postgres:user=admin", said)


def test_a_service_file_names_the_server(shop, server):
    services = shop.folder / "services.conf"
    services.write_text(f"[shop]\nhost={server.folder}\nport={server.port}\nuser=admin\ndbname=postgres\n")
    env = {"PGSERVICEFILE": str(services)}
    load_t(shop, "postgres:service=shop", env)
    load_t(shop, "postgres://?service=shop", env)
    load_t(shop, "postgres://", {**env, "PGSERVICE": "shop"})
    refused = load_t(shop, "postgres:service=nowhere", env, expect=harness.FAILED)
    assert "nowhere" in refused.err, refused


def test_a_password_comes_from_its_file_or_the_environment(shop, server):
    url = f"postgres://guarded@127.0.0.1:{server.port}/postgres"
    refused = load_t(shop, url, {"PGPASSFILE": "/nowhere"}, expect=harness.FAILED)
    assert "no password supplied" in refused.err and ".pgpass" in refused.err, refused
    home = shop.folder / "home"
    home.mkdir()
    (home / ".pgpass").write_text("127.0.0.1:*:postgres:guarded:a b'c\n")
    (home / ".pgpass").chmod(0o600)
    load_t(shop, url, {"HOME": str(home)})
    load_t(shop, url, {"PGPASSWORD": "a b'c"})
    load_t(shop, f"postgres://guarded:a%20b%27c@127.0.0.1:{server.port}/postgres")
    load_t(shop, "env:SHOP", {"SHOP": f"postgres:host=127.0.0.1 port={server.port} user=guarded password='a b\\'c' dbname=postgres"})


@pytest.mark.parametrize(
    "url",
    [
        "postgres:host=127.0.0.1 port=1 password=kanarie dbname=x",
        "postgres:password='kanarie vogel' host=127.0.0.1 port=1",
        "postgres:host={0.folder} port={0.port} user=admin password = kanarie dbname=nowhere",
        "postgres:host=127.0.0.1 port=1 password=kanarie bogus=1",
        "host=127.0.0.1 password=kanarie dbname=x",
    ],
)
def test_no_message_holds_the_password_of_a_key_value_string(shop, server, url):
    url = url.format(server)
    write_job(shop, url.replace("'", "''"), "public.t: {mode: full-refresh}")
    for words in (("run", shop.job), ("check", shop.job), ("plan", shop.job), ("discover", url), ("init", url)):
        result = shop.leat(*words)
        assert result.code != harness.PUBLISHED, result
        assert "kanarie" not in result.out + result.err and "vogel" not in result.out + result.err, result


def test_a_string_without_a_scheme_is_told_how_to_get_one(shop, server):
    result = shop.leat("discover", f"host={server.folder} dbname=postgres")
    assert result.code == harness.USAGE and "postgres:host=" in result.err, result


# ---- libpq ----


@pytest.fixture
def libraries(tmp_path, monkeypatch):
    """A folder where the loader looks before all others."""
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    return tmp_path


def test_without_libpq_the_message_says_what_to_install(orders, libraries):
    (libraries / "libpq.so.5").write_bytes(b"")
    for words in ["discover", "postgres://leat@127.0.0.1:1/shop"], ["init", "postgres://leat@127.0.0.1:1/shop"]:
        told = orders.leat(*words)
        assert told.code == harness.FAILED and "libpq.so.5" in told.err and "apt install libpq5" in told.err, told
    orders.run()
    assert orders.leat("--version").code == 0, "no other source needs it"


def test_a_libpq_that_is_too_old_is_told_by_its_version_and_what_it_lacks(shop, libraries):
    code = b"int PQlibVersion(void) { return 110022; } void PQbackendPID(void) {}"
    subprocess.run(["cc", "-shared", "-fPIC", "-xc", "-", "-o", libraries / "libpq.so.5"], input=code, check=True)
    told = shop.leat("discover", "postgres://leat@127.0.0.1:1/shop")
    assert told.code == harness.FAILED and "PostgreSQL 11 " in told.err and "has no PQcancel;" in told.err, told


# ---- TLS ----


@pytest.fixture(scope="module")
def authority(place, server):
    """The server speaks TLS, as db.test; returns the file of the authority that says so, and that of another one."""

    def openssl(*words):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, cwd=place)

    def key_words(name):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}.key"]

    for name in ("ours", "other"):
        openssl("req", "-x509", *key_words(name), "-out", f"{name}.crt", "-days", "2", "-subj", f"/CN={name}")
    openssl("req", *key_words("server"), "-out", "server.csr", "-subj", "/CN=db.test")
    (place / "names").write_text("subjectAltName=DNS:db.test\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ours.crt", "-CAkey", "ours.key", "-CAcreateserial",
            "-out", "server.crt", "-days", "2", "-extfile", "names")
    server.use_tls(place / "server.crt", place / "server.key")
    return place / "ours.crt", place / "other.crt"


def remote(server, host="db.test", **words):
    """This server under a name that is not local."""
    more = "".join(f" {name}={value}" for name, value in words.items())
    return f"postgres:host={host} hostaddr=127.0.0.1 port={server.port} user=admin dbname=postgres{more}"


def test_a_server_that_is_not_local_must_prove_its_name(shop, server, authority):
    ours, other = authority
    load_t(shop, remote(server, sslrootcert=ours))
    for url, why in (
        (remote(server), "certificate"),  # the system's authorities don't know ours
        (remote(server, sslrootcert=other), "certificate verify failed"),
        (remote(server, host="elsewhere.test", sslrootcert=ours), 'does not match host name "elsewhere.test"'),
    ):
        refused = load_t(shop, url, expect=harness.FAILED)
        assert why in refused.err and "sslrootcert=FILE" in refused.err, refused


def test_a_name_from_service_file_or_environment_is_verified_too(shop, server, authority):
    services = shop.folder / "services.conf"
    words = f"host=db.test\nhostaddr=127.0.0.1\nport={server.port}\nuser=admin\ndbname=postgres\n"
    services.write_text(f"[remote]\n{words}[asked]\n{words}sslmode=require\n[rooted]\n{words}sslrootcert={authority[0]}\n")
    env = {"PGSERVICEFILE": str(services)}
    assert "certificate" in load_t(shop, "postgres:service=remote", env, expect=harness.FAILED).err
    load_t(shop, "postgres:service=rooted", env)
    load_t(shop, "postgres:service=asked", env)
    env = {"PGHOST": "db.test", "PGHOSTADDR": "127.0.0.1", "PGPORT": str(server.port), "PGUSER": "admin", "PGDATABASE": "postgres"}
    assert "certificate" in load_t(shop, "postgres://", env, expect=harness.FAILED).err
    load_t(shop, "postgres://", {**env, "PGSSLMODE": "require"})


def test_less_than_verified_is_asked_for_in_words_and_check_says_so(shop, server, authority):
    ours, _ = authority
    for words, level, says in (
        ({"sslrootcert": ours}, "ok", "certificate and name are verified"),
        ({"sslmode": "verify-ca", "sslrootcert": ours}, "warning", "the server's name is not verified"),
        ({"sslmode": "require"}, "warning", "nothing proves which server answers"),
        ({"sslmode": "disable"}, "warning", "not encrypted"),
    ):
        write_job(shop, remote(server, **words), "public.t: {mode: full-refresh}")
        (found,) = [f for f in shop.leat("check", shop.job, "--json").json["findings"] if f["subject"] == "connection"]
        assert found["level"] == level and says in found["found"], found


def test_a_server_without_tls_is_not_talked_to_in_clear(shop, server, authority):
    server.sql("ALTER SYSTEM SET ssl = off")
    server.sql("SELECT pg_reload_conf()")
    try:
        refused = load_t(shop, remote(server, sslrootcert=authority[0]), expect=harness.FAILED)
        assert "does not support SSL" in refused.err, refused
    finally:
        server.sql("ALTER SYSTEM SET ssl = on")
        server.sql("SELECT pg_reload_conf()")


def test_rows_over_tls_are_the_rows(shop, server, schema, authority):
    server.sql(f"CREATE TABLE {schema}.wide AS SELECT i AS id, repeat(md5(i::text), i % 90) AS pad FROM generate_series(1, 20000) i")
    write_job(shop, remote(server, sslrootcert=authority[0]), f"{schema}.wide: {{mode: full-refresh}}")
    shop.run()
    expected = server.query(f"SELECT id, pad FROM {schema}.wide")
    assert rows(shop, schema, "wide", "id", "pad") == sorted(expected, key=repr)


def test_more_rows_than_a_block_holds_come_over_tls_at_once(shop, server, schema, authority):
    server.sql(f"CREATE TABLE {schema}.narrow AS SELECT i AS id FROM generate_series(1, 50000) i")
    write_job(shop, remote(server, sslrootcert=authority[0]), f"{schema}.narrow: {{mode: full-refresh}}")
    shop.run()
    assert sorted(i for (i,) in rows(shop, schema, "narrow", "id")) == list(range(1, 50001))


# ---- a standby ----


@pytest.fixture(scope="module")
def standby(place, server):
    standby = server.standby(place / "standby", {"max_standby_streaming_delay": "'3s'"})
    yield standby
    standby.stop()


def test_a_standby_is_read_and_its_bound_is_not_exact(shop, server, schema, standby):
    server.sql(f"CREATE TABLE {schema}.events (id bigserial PRIMARY KEY, pad text DEFAULT repeat('x', 300));"
               f"INSERT INTO {schema}.events SELECT FROM generate_series(1, 30000)")
    standby.caught_up(server)
    write_job(shop, standby.url(), f"{schema}.events: {{mode: incremental, update_key: id}}")
    first = shop.run()
    assert "standby" in first.out and (first.stream()["splits"] > 1 or server.version() < 14), first
    server.sql(f"INSERT INTO {schema}.events SELECT FROM generate_series(1, 10)")
    standby.caught_up(server)
    shop.run()
    shop.run()
    assert sorted(i for (i,) in rows(shop, schema, "events", "id")) == [*range(1, 30011)]
    result = shop.leat("check", shop.job)
    assert "does not see what is open on its primary" in result.out and "cancelled after 3s" in result.out, result
    assert "read the primary" in result.out and "pg_read_all_stats" not in result.out, result


def test_check_compares_a_table_with_the_patience_of_a_standby(shop, server, standby):
    standby.sql("ALTER SYSTEM SET max_standby_streaming_delay = '100ms'")
    standby.sql("SELECT pg_reload_conf()")
    try:
        write_job(shop, standby.url(), "public.t: {mode: full-refresh}")
        found = shop.leat("check", shop.job).out
        assert "max_standby_streaming_delay gives a snapshot up after" in found, found
    finally:
        standby.sql("ALTER SYSTEM RESET max_standby_streaming_delay")
        standby.sql("SELECT pg_reload_conf()")


# ---- several hosts ----


@pytest.fixture
def silent():
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_a_host_that_is_silent_gives_way_to_the_next(shop, server, silent):
    write_job(shop, f"postgres://admin@127.0.0.1:{silent},127.0.0.1:1,127.0.0.1:{server.port}/postgres", "public.t: {mode: full-refresh, object: t}",
              ", connect_timeout: 2 s")
    shop.run()
    assert rows(shop, ".", "t", "id") == [(7,)]


def test_all_hosts_that_do_not_answer_are_named(shop, silent):
    write_job(shop, f"postgres://admin@127.0.0.1:1,127.0.0.1:{silent}/postgres", "public.t: {mode: full-refresh}", ", connect_timeout: 2 s")
    found = shop.leat("discover", f"postgres://admin@127.0.0.1:1,127.0.0.1:{silent}/postgres?connect_timeout=2")
    assert found.code == harness.FAILED and "port 1" in found.err and f"port {silent}" in found.err, found
    assert "has not answered for 2 s" in found.err, found


def test_a_host_that_refuses_the_user_is_the_answer(shop, server):
    refused = load_t(shop, f"postgres://guarded:wrong@127.0.0.1:{server.port},127.0.0.1:1/postgres", expect=harness.FAILED)
    assert "password authentication failed" in refused.err and "port 1:" not in refused.err, refused


@pytest.mark.parametrize("url", ["postgres://admin@127.0.0.1:{0},localhost:{0}/x", "postgres:host=127.0.0.1,localhost port={0} user=admin dbname=x"])
def test_a_signal_ends_the_wait_for_one_of_several_hosts(shop, silent, url):
    write_job(shop, url.format(silent), "public.t: {mode: full-refresh}", ", connect_timeout: 1 min")
    process = shop.start("--json")
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    try:
        assert process.wait(timeout=20) == 130
    finally:
        process.kill()
        process.communicate()
    assert time.monotonic() - began < 2


def test_the_session_that_is_asked_for_decides_between_hosts(shop, server, standby):
    both = f"postgres://admin@/postgres?host={server.folder},{standby.folder}&port={server.port},{standby.port}"
    for wanted, in_recovery in (("any", False), ("primary", False), ("standby", True), ("prefer-standby", True)):
        write_job(shop, f"{both}&target_session_attrs={wanted}", "q: {mode: full-refresh, query: 'SELECT pg_is_in_recovery() AS r'}")
        shop.run("--mode", "full-refresh")
        assert rows(shop, ".", "q", "r") == [(in_recovery,)], wanted


# ---- check ----


@pytest.mark.parametrize(
    "column, level, says",
    [
        ("k bigserial", "ok", "grows by a sequence"),
        ("k bigint GENERATED ALWAYS AS IDENTITY", "ok", "grows by a sequence"),
        ("k timestamptz NOT NULL DEFAULT now()", "ok", "the bound is exact"),
        ("k timestamptz NOT NULL DEFAULT now() - interval '1 day'", "warning", "nothing says"),
        ("k timestamptz NOT NULL", "warning", "nothing says that the database sets"),
        ("k timestamp NOT NULL DEFAULT now()", "warning", "timestamp without time zone, which is no instant"),
        ("k date NOT NULL DEFAULT now()", "warning", "no instant"),
        ("k bigint NOT NULL", "warning", "comes from no sequence"),
        ("k bigint GENERATED BY DEFAULT AS IDENTITY (CACHE 50)", "warning", "CACHE 50"),
        ("k bigint GENERATED BY DEFAULT AS IDENTITY (INCREMENT -1)", "warning", "does not always grow"),
    ],
)
def test_check_and_run_say_the_same_of_a_bound(shop, server, schema, column, level, says):
    server.sql(f"CREATE TABLE {schema}.t (id int, {column}); INSERT INTO {schema}.t (id) VALUES (1)"
               if "NOT NULL" not in column or "DEFAULT" in column else f"CREATE TABLE {schema}.t (id int, {column})")
    write_job(shop, server.url(), f"{schema}.t: {{mode: incremental, update_key: k}}")
    (found,) = [f for f in shop.leat("check", shop.job, "--json").json["findings"] if f["subject"] == "update_key"]
    assert found["level"] == level and says in found["found"], found
    report = shop.run()
    assert ("the bound is the largest" in report.out) == (level == "warning" and "timestamptz" not in column), report


def test_a_table_that_a_subscription_writes_has_no_exact_bound(shop, server, schema):
    server.sql("CREATE DATABASE publisher")
    table = f"CREATE TABLE {schema}.t (id bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())"
    server.sql(f"CREATE SCHEMA {schema}; {table}; CREATE PUBLICATION p FOR TABLE {schema}.t", "publisher")
    server.sql("SELECT pg_create_logical_replication_slot('s', 'pgoutput')", "publisher")
    server.sql(table)
    server.sql(f"CREATE SUBSCRIPTION s CONNECTION 'host={server.folder} port={server.port} user=admin dbname=publisher'"
               " PUBLICATION p WITH (create_slot = false, slot_name = 's')")
    try:
        for key in ("id", "at"):
            write_job(shop, server.url(), f"{schema}.t: {{mode: incremental, update_key: {key}, object: by_{key}}}")
            assert "logical replication writes the table" in shop.leat("check", shop.job).out
            assert "logical replication writes the table" in shop.run().out
    finally:
        server.sql("DROP SUBSCRIPTION s")


def test_check_names_the_privileges_that_are_missing(shop, server, schema):
    server.sql(f"CREATE ROLE few_{schema} LOGIN; CREATE TABLE {schema}.t (id int, secret text, \"two words\" text);"
               f"GRANT SELECT (id) ON {schema}.t TO few_{schema}")
    try:
        write_job(shop, server.url(user=f"few_{schema}"), f"{schema}.t: {{mode: full-refresh, select: [id]}}")
        found = shop.leat("check", shop.job)
        assert f'GRANT USAGE ON SCHEMA {schema} TO "few_{schema}"' in found.out, found
        assert f'GRANT SELECT (secret, "two words") ON "{schema}"."t" TO "few_{schema}"' in found.out, found
        assert f'GRANT pg_read_all_stats TO "few_{schema}"' in found.out, found
        server.sql(f"GRANT USAGE ON SCHEMA {schema} TO few_{schema}; GRANT pg_read_all_stats TO few_{schema}")
        shop.run()
    finally:
        server.sql(f"DROP OWNED BY few_{schema}; DROP ROLE few_{schema}")


def test_out_of_connections_says_what_to_lower(shop, server):
    server.sql("CREATE ROLE crowded LOGIN CONNECTION LIMIT 2; GRANT SELECT ON public.t TO crowded")
    refused = load_t(shop, server.url(user="crowded"), expect=harness.FAILED)
    assert "lower `connections`" in refused.err, refused


def test_check_tells_server_clock_and_connections(shop, server):
    write_job(shop, server.url(), "public.t: {mode: full-refresh}")
    with server.connect(), server.connect():
        found = {f["subject"]: f for f in shop.leat("check", shop.job, "--json").json["findings"]}
    taken = 60 - 3 - int(found["connections"]["found"].split()[0])
    assert taken >= 3, found  # these two and its own
    assert "wal_level logical" in found["server"]["found"], found
    assert found["clock"]["level"] == found["connections"]["level"] == found["fence"]["level"] == "ok", found


def test_a_table_of_the_schema_public_needs_no_schema(shop, server):
    write_job(shop, server.url(), "t: {mode: full-refresh}")
    assert shop.leat("check", shop.job).code == 0
    shop.run()
    write_job(shop, server.url(), "t: {mode: full-refresh}\n'*.*': {mode: full-refresh}")
    assert [s["stream"] for s in shop.run().json["streams"] if s["stream"].endswith("t")] == ["t"]


# ---- discover and init ----


def test_init_names_what_is_odd_and_its_job_runs(shop, server):
    server.sql("CREATE DATABASE odd")
    server.sql('''
        CREATE SCHEMA sales; CREATE SCHEMA "dotted.schema";
        CREATE TABLE orders (id bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT now());
        CREATE TABLE sales.orders (a int, b int, updated_at timestamptz, PRIMARY KEY (b, a));
        CREATE TABLE sales (id int);
        CREATE TABLE "dotted.schema"."a.b" (id int);
        CREATE TABLE "Upper ""Case""" (id int, "with space" text);
        CREATE VIEW sales.seen AS SELECT 1 AS one;
        INSERT INTO orders DEFAULT VALUES; INSERT INTO sales.orders VALUES (1, 2); INSERT INTO sales VALUES (3);
        INSERT INTO "dotted.schema"."a.b" VALUES (4); INSERT INTO "Upper ""Case""" VALUES (5, 'x')
        ''', "odd")
    url = f"postgres:host={server.folder} port={server.port} user=admin dbname=odd"
    result = shop.leat("init", url, "-o", "job.yaml")
    assert result.code == 0, result
    job = shop.job.read_text()
    assert "primary_key: [id]" in job and "primary_key: [b, a]" in job, job
    assert "update_key: id" in job and "update_key: updated_at" in job, job
    shop.run()
    loaded = sorted(str(p.parent.relative_to(shop.lake)) for p in shop.lake.rglob("_delta_log"))
    assert len(loaded) == 6 and "orders" in loaded and "sales" in loaded and "sales/orders" not in loaded, (loaded, job)
    assert shop.leat("check", shop.job).code == 0
    (found,) = [s for s in shop.leat("discover", url, "--json").json["streams"] if s["stream"] == "public.orders"]
    assert [(c["name"], c["key_position"], c["usable_key"], c["indexed"]) for c in found["columns"]] == [
        ("id", 1, True, True), ("at", 0, True, False)], found


def findings(shop, subject):
    return [f for f in shop.leat("check", shop.job, "--json").json["findings"] if f["subject"] == subject]


def test_check_counts_the_connections_that_server_database_and_role_leave(shop, server):
    server.sql("CREATE ROLE few LOGIN CONNECTION LIMIT 3; GRANT SELECT ON public.t TO few")
    write_job(shop, server.url(user="few"), "public.t: {mode: full-refresh}")
    (found,) = findings(shop, "connections")
    assert found["level"] == "warning" and "CONNECTION LIMIT of the role" in found["remedy"], found
    write_job(shop, server.url(user="few"), "public.t: {mode: full-refresh}", ", connections: 1")
    (found,) = findings(shop, "connections")
    assert found["level"] == "ok", found
    shop.run()
    server.sql("DROP OWNED BY few; DROP ROLE few")


def test_timeouts_of_the_server_end_no_run_and_check_names_them(shop, server, schema):
    server.sql(f"CREATE ROLE hurried LOGIN; ALTER ROLE hurried SET statement_timeout = '50ms';"
               f"ALTER ROLE hurried SET idle_in_transaction_session_timeout = '50ms'; GRANT USAGE ON SCHEMA {schema} TO hurried;"
               f"CREATE TABLE {schema}.t (id int); INSERT INTO {schema}.t VALUES (1); GRANT SELECT ON {schema}.t TO hurried")
    write_job(shop, server.url(user="hurried"), f"""
        q: {{mode: full-refresh, query: 'SELECT id, pg_sleep(0.3)::text AS s FROM {schema}.t'}}
        {schema}.t: {{mode: full-refresh}}
        """)
    (found,) = findings(shop, "timeouts")
    assert "idle_in_transaction_session_timeout = 50 ms, statement_timeout = 50 ms" in found["found"], found
    shop.run()
    assert rows(shop, ".", "q", "id") == [(1,)] and rows(shop, schema, "t", "id") == [(1,)]
    server.sql("DROP OWNED BY hurried; DROP ROLE hurried")


def test_check_says_when_a_statement_is_given_too_little_time(shop, server, schema):
    server.sql(f"CREATE TABLE {schema}.t AS SELECT repeat('x', 1000) AS pad FROM generate_series(1, 60000);"
               f"CREATE TABLE {schema}.p (pad text) PARTITION BY LIST (pad)")
    write_job(shop, server.url(), f"{schema}.t: {{mode: full-refresh}}", ", statement_timeout: 1 s")
    late = [f for f in findings(shop, "timeouts") if "statement_timeout ends it" in f["found"]]
    assert bool(late) == (server.version() < 14), late  # from 14 on it is read in pieces
