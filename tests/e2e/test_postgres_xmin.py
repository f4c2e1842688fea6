"""`update_key: xmin`: the transaction that wrote a row as a watermark."""

import pathlib
import subprocess
import tempfile

import harness
import pytest
from postgres_server import Server, binaries
from postgres_shop import rows, write_job

pytestmark = pytest.mark.skipif(not harness.LEAT.exists(), reason=f"no {harness.LEAT}")


def by_xmin(shop, url, name, more=""):
    write_job(shop, url, f"{name}: {{mode: incremental, update_key: xmin{more}}}")


def ids(shop, schema, name="t"):
    return sorted(i for (i,) in rows(shop, schema, name, "id"))


def test_rows_without_any_order_come_once_and_updated_ones_again(shop, server, schema):
    server.sql(f"CREATE TABLE {schema}.t (id int, note text); INSERT INTO {schema}.t VALUES (7, 'a'), (3, 'b')")
    by_xmin(shop, server.url(), f"{schema}.t")
    first = shop.run()
    assert "whole table is looked at" in first.out and first.stream()["watermark"].isdigit(), first
    server.sql(f"INSERT INTO {schema}.t VALUES (1, 'c')")
    assert shop.run().stream()["rows_written"] == 1
    assert ids(shop, schema) == [1, 3, 7]
    assert shop.run().stream()["outcome"] == "nothing new"
    server.sql(f"UPDATE {schema}.t SET note = 'd' WHERE id = 3")
    server.sql(f"VACUUM (FREEZE, FULL) {schema}.t")  # rows are moved and frozen; what wrote them stays
    assert shop.run().stream()["rows_written"] == 1
    assert rows(shop, schema, "t", "id", "note") == [(1, "c"), (3, "b"), (3, "d"), (7, "a")]


def test_no_late_row_is_missed_and_none_is_waited_for(shop, server, schema):
    server.sql(f"CREATE TABLE {schema}.t (id int)")
    by_xmin(shop, server.url(), f"{schema}.t")
    with server.connect() as late, server.connect() as reads, server.connect(autocommit=True) as two:
        reads.execute("SELECT 1")  # writes nothing, so it holds nothing back
        late.execute(f"INSERT INTO {schema}.t VALUES (1)")
        late.execute(f"SAVEPOINT s; INSERT INTO {schema}.t VALUES (2); RELEASE s")
        server.sql(f"INSERT INTO {schema}.t VALUES (3)")
        two.execute(f"BEGIN; INSERT INTO {schema}.t VALUES (4); PREPARE TRANSACTION '{schema}'")
        assert shop.run().seconds < 2
        assert ids(shop, schema) == []  # 3 was written by a later transaction than 1 and 2
        late.execute(f"SAVEPOINT s; INSERT INTO {schema}.t VALUES (5); ROLLBACK TO s")
        late.commit()
        shop.run()
        assert ids(shop, schema) == [1, 2, 3]
        server.sql(f"INSERT INTO {schema}.t VALUES (6)")
        two.execute(f"COMMIT PREPARED '{schema}'")
        shop.run()
    assert ids(shop, schema) == [1, 2, 3, 4, 6]


def test_a_partitioned_table_and_where_and_select(shop, server, schema):
    server.sql(f"CREATE TABLE {schema}.t (id int, k int, pad text) PARTITION BY LIST (k);"
               f"CREATE TABLE {schema}.one PARTITION OF {schema}.t FOR VALUES IN (1);"
               f"CREATE TABLE {schema}.two PARTITION OF {schema}.t FOR VALUES IN (2);"
               f"INSERT INTO {schema}.t SELECT i, 1 + i % 2, repeat('x', 300) FROM generate_series(1, 20000) i")
    by_xmin(shop, server.url(), f"{schema}.t", ", where: id % 10 = 0, select: [id]")
    report = shop.run().stream()
    assert report["rows_written"] == 2000, report
    tid_ranges = int(server.query("SHOW server_version_num")[0][0]) >= 140000
    assert (report["splits"] > 2) == tid_ranges, report
    server.sql(f"INSERT INTO {schema}.t VALUES (20010, 1, ''), (20011, 2, ''), (20020, 2, '')")
    assert shop.run().stream()["rows_written"] == 2


def test_a_standby_needs_no_fence(shop, server, schema, standby):
    server.sql(f"CREATE TABLE {schema}.t (id int)")
    by_xmin(shop, standby.url(), f"{schema}.t")
    with server.connect() as late:
        late.execute(f"INSERT INTO {schema}.t VALUES (1)")
        server.sql(f"INSERT INTO {schema}.t VALUES (2)")
        standby.caught_up(server)
        first = shop.run()
        assert "largest" not in first.out and ids(shop, schema) == [], first
        late.commit()
    standby.caught_up(server)
    shop.run()
    assert ids(shop, schema) == [1, 2]
    shop.run()
    assert ids(shop, schema) == [1, 2]


@pytest.mark.parametrize("make, says", [
    ("CREATE VIEW {s}.t AS SELECT 1 AS id", "only the rows of a table have it"),
    ("CREATE MATERIALIZED VIEW {s}.t AS SELECT 1 AS id", "only the rows of a table have it"),
    ("CREATE EXTENSION IF NOT EXISTS file_fdw; CREATE SERVER IF NOT EXISTS files FOREIGN DATA WRAPPER file_fdw;"
     "CREATE TABLE {s}.t (id int) PARTITION BY LIST (id); CREATE FOREIGN TABLE {s}.p PARTITION OF {s}.t DEFAULT"
     " SERVER files OPTIONS (filename '/dev/null')", "a part of it is a foreign table"),
])
def test_what_has_no_xmin_is_refused(shop, server, schema, make, says):
    if "file_fdw" in make and not server.query("SELECT 1 FROM pg_available_extensions WHERE name = 'file_fdw'"):
        pytest.skip("this PostgreSQL has no file_fdw")
    server.sql(make.format(s=schema))
    by_xmin(shop, server.url(), f"{schema}.t")
    refused = shop.leat("run", shop.job)
    assert refused.code == harness.USAGE and says in refused.err, refused
    assert says in shop.leat("check", shop.job).out


def test_check_status_and_partitions(shop, server, schema):
    server.sql(f"CREATE TABLE {schema}.t (id int, day date); INSERT INTO {schema}.t VALUES (1, '2024-05-01')")
    by_xmin(shop, server.url(), f"{schema}.t", ", partition_by: day, select: [id, day]")
    shop.run()
    (found,) = [f for f in shop.leat("check", shop.job, "--json").json["findings"] if f["subject"] == "update_key"]
    assert found["level"] == "ok" and "rows that are updated come again" in found["found"], found
    status = shop.leat("status", shop.job)
    assert status.code == 0 and "xmin" in status.out, status
    refused = shop.leat("run", shop.job, "--partitions", "2024-05-01")
    assert refused.code == harness.USAGE and "does not go with update_key: xmin" in refused.err, refused


def test_a_server_that_was_set_back_holds_the_run(shop, server, schema):
    server.sql(f"CREATE TABLE {schema}.t (id int); INSERT INTO {schema}.t VALUES (1)")
    by_xmin(shop, server.url(), f"{schema}.t")
    mark = shop.run().stream()["watermark"]
    (record,) = [p for p in (shop.lake / schema / "t" / "_leat").rglob("*.json") if p.stem.isdigit()]
    record.write_text(record.read_text().replace(f'"{mark}"', f'"{int(mark) + 1000000}"'))
    held = shop.run(expect=harness.HELD)
    assert "the server is only at" in held.out + held.err, held


# ---- around the end of 32 bits ----


class Jumping(Server):
    """A server whose next transaction is set."""

    def jump(self, xid):
        for (name,) in self.query("SELECT datname FROM pg_database"):
            self.sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
            self.sql("VACUUM (FREEZE)", name)
        self.sql("CHECKPOINT")
        self.stop("fast")
        segment = self.data / "pg_xact" / f"{(xid % 2**32) // 2**20:04X}"
        if not segment.exists():
            segment.write_bytes(bytes(262144))
            subprocess.run(["chown", self.owner, str(segment)], check=True)
        self._run("pg_resetwal", "-f", "-x", xid % 2**32, "-D", self.data)
        self.start()


@pytest.mark.skipif(not (binaries() / "pg_resetwal").exists(), reason="these binaries have no pg_resetwal")
def test_transactions_beyond_four_billion(shop):
    with tempfile.TemporaryDirectory(prefix="leat-pg-", ignore_cleanup_errors=True) as folder:
        pathlib.Path(folder).chmod(0o755)
        server = Jumping(pathlib.Path(folder) / "server", {"autovacuum": "off"})
        try:
            server.sql("CREATE TABLE t (id int); CREATE TABLE old (id int); INSERT INTO t VALUES (1); INSERT INTO old VALUES (1)")
            by_xmin(shop, server.url(), "old")
            shop.run()
            for xid in (2_000_000_000, 4_000_000_000, 2**32 - 100):
                server.jump(xid)
            held = shop.run(expect=harness.HELD)
            assert "can't be told apart" in held.out + held.err, held

            by_xmin(shop, server.url(), "t")
            server.sql("INSERT INTO t VALUES (2)")
            shop.run()
            late = server.connect()
            late.execute("INSERT INTO t VALUES (3)")  # before the end of 32 bits
            with server.connect(autocommit=True) as many:
                for key in range(1000, 1200):
                    many.execute(f"INSERT INTO t VALUES ({key})")
                ((now,),) = many.execute("SELECT txid_current()").fetchall()
            assert int(now) > 2**32
            held_back = shop.run()
            assert len(ids(shop, ".", "t")) < 202 and 3 not in ids(shop, ".", "t"), held_back
            late.commit()
            late.close()
            last = shop.run()
            assert ids(shop, ".", "t") == [1, 2, 3, *range(1000, 1200)]
            assert int(last.stream()["watermark"]) > 2**32 and "may come again" in last.out, last
            assert shop.run().stream()["outcome"] == "nothing new"
            fresh = harness.Shop(shop.folder / "fresh")
            by_xmin(fresh, server.url(), "t")
            with server.connect() as late:
                late.execute("INSERT INTO t VALUES (4)")
                server.sql("INSERT INTO t VALUES (5)")
                fresh.run()
                assert ids(fresh, ".", "t") == [1, 2, 3, *range(1000, 1200)]
                late.commit()
            fresh.run()
            assert ids(fresh, ".", "t") == [1, 2, 3, 4, 5, *range(1000, 1200)]
        finally:
            server.stop()
