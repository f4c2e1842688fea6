import contextlib
import pathlib
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import harness  # noqa: E402
from postgres_server import Server  # noqa: E402


@pytest.fixture
def shop(tmp_path):
    """An empty shop: no database, no job."""
    if not harness.LEAT.exists():
        pytest.skip(f"no {harness.LEAT}; build it or set LEAT")
    return harness.Shop(tmp_path / "shop")


@pytest.fixture
def orders(shop):
    """5,000 orders and a job that loads them by day of created_at, as far as created_at goes."""
    shop.sql("PRAGMA journal_mode = WAL;" + harness.ORDERS)
    harness.add_orders(shop, 0, 5000)
    shop.write_job(
        """
        orders:
          mode: incremental
          update_key: created_at
          partition_by: day(created_at)
        """
    )
    return shop


@contextlib.contextmanager
def folder_of_servers():
    """PostgreSQL's user may enter it; pytest's own folders are for root alone."""
    with tempfile.TemporaryDirectory(prefix="leat-pg-", ignore_cleanup_errors=True) as folder:
        pathlib.Path(folder).chmod(0o755)
        yield pathlib.Path(folder)


@pytest.fixture(scope="module")
def place():
    """For the servers of a module."""
    with folder_of_servers() as folder:
        yield folder


@pytest.fixture(scope="session")
def server():
    """A PostgreSQL for all tests of a session; each works in a schema of its own."""
    with folder_of_servers() as folder:
        server = Server(folder / "server")
        yield server
        server.stop()


@pytest.fixture
def blocks(server):
    """For tests of a table without a key that several readers read."""
    if server.version() < 14:
        pytest.skip("before PostgreSQL 14 there are no ranges of blocks, and a table without a key is one piece")


@pytest.fixture(scope="module")
def standby(server, place):
    """A streaming standby of it."""
    standby = server.standby(place / "standby")
    yield standby
    standby.stop()


@pytest.fixture
def schema(server, request):
    """A schema of the test's own, and its name."""
    name = "s" + str(abs(hash(request.node.nodeid)))[:10]
    server.sql(f"CREATE SCHEMA {name}")
    yield name
    for (prepared,) in server.query(f"SELECT gid FROM pg_prepared_xacts WHERE gid LIKE '{name}%'"):
        server.sql(f"ROLLBACK PREPARED '{prepared}'")  # of a test that failed; it holds locks
    server.sql(f"SET lock_timeout = '30s'; DROP SCHEMA {name} CASCADE")
