"""A pooler between leat and the server."""

import pathlib
import tempfile

import harness
import pytest
from pgbouncer import Bouncer
from postgres_shop import rows, write_job

pytestmark = pytest.mark.skipif(not harness.LEAT.exists(), reason=f"no {harness.LEAT}")


@pytest.fixture
def pool(server, request):
    with tempfile.TemporaryDirectory(prefix="leat-pool-", ignore_cleanup_errors=True) as folder:
        pathlib.Path(folder).chmod(0o755)
        bouncer = Bouncer(server, pathlib.Path(folder) / "pool", request.param)
        yield bouncer
        bouncer.stop()


@pytest.fixture
def many(server, schema):
    server.sql(f"CREATE TABLE {schema}.t AS SELECT i AS id, repeat('x', 200) AS pad FROM generate_series(1, 50000) i")


@pytest.mark.parametrize("pool", ["session"], indirect=True)
def test_a_pooler_that_keeps_sessions_is_read_through(shop, server, schema, many, pool):
    write_job(shop, pool.url(), f"{schema}.t: {{mode: full-refresh, select: [id]}}")
    assert shop.run().stream()["splits"] > 1 or server.version() < 14
    assert len(rows(shop, schema, "t", "id")) == 50000
    found = shop.leat("check", shop.job)
    assert "keeps a server for each session" in found.out, found


@pytest.mark.parametrize("pool", ["transaction", "statement"], indirect=True)
@pytest.mark.parametrize("busy", [False, True])
def test_a_pooler_that_does_not_is_refused_and_left_as_it_was(shop, server, schema, many, pool, busy):
    import psycopg

    others = [psycopg.connect(pool.url(), autocommit=True) for _ in range(3)] if busy else []
    for other in others:
        other.execute("SELECT 1")
    write_job(shop, pool.url(), f"{schema}.t: {{mode: full-refresh}}")
    for command in ("run", "check", "plan"):
        refused = shop.leat(command, shop.job)
        assert refused.code != harness.PUBLISHED, refused
        assert "pool_mode = session" in refused.out + refused.err, refused
    with psycopg.connect(pool.url(), autocommit=True) as other:
        for _ in range(5):  # whichever server it gets
            assert other.execute("SHOW default_transaction_read_only").fetchone() == ("off",)
            assert other.execute("SHOW search_path").fetchone() != ("",)
    assert not list(shop.lake.rglob("*.parquet"))
