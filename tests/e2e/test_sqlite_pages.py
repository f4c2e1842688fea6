"""Tables read from their pages hold what SQLite's own SQL reads, row by row, whatever the database went through.

`compare_reads` (tests/unit/source/compare_reads.c) reads a table both ways and compares. `scripts/check` builds the
program, with sanitizers; LEAT_COMPARE_READS names another one. LEAT_SEED moves the random databases, LEAT_PAGES_CASES
says how many there are.
"""

import os
import pathlib
import random
import sqlite3
import subprocess
import threading

import pytest

import harness

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILT = ROOT / "build-check" / "asan" / "tests" / "unit" / "source" / "compare_reads"
PROGRAM = pathlib.Path(os.environ.get("LEAT_COMPARE_READS", BUILT))
SEED = int(os.environ.get("LEAT_SEED", "1"))
CASES = int(os.environ.get("LEAT_PAGES_CASES", "40"))


@pytest.fixture(scope="module", autouse=True)
def built():
    assert PROGRAM.exists(), f"{PROGRAM} is not built: run scripts/check unit, or set LEAT_COMPARE_READS"


def compare(path, table="t", *options):
    command = [str(PROGRAM), str(path), table, *(str(o) for o in options)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=300)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


# ---- random databases ----

TYPES = """INTEGER INT BIGINT BOOLEAN REAL DOUBLE FLOAT NUMERIC DECIMAL(15,2) DECIMAL(30,6) DECIMAL(60,4) TEXT VARCHAR(9)
    CHAR(3) BLOB DATE DATETIME TIMESTAMPTZ TIME UUID JSON GEOMETRY""".split() + ["", "DOUBLE PRECISION", "REAL_BLOB"]
DEFAULTS = ["7", "-1", "1.5", "2.0", "'x'", "'12'", "'2013-11-30'", "NULL", "x'0102'", "true", "-9223372036854775808", "''"]


def integer(r):
    return r.choice([0, 1, -1, r.randrange(-128, 128), r.randrange(-(2**15), 2**15), r.randrange(-(2**23), 2**23),
                     r.randrange(-(2**31), 2**31), r.randrange(-(2**47), 2**47), r.randrange(-(2**63), 2**63)])


def real(r):
    return r.choice([0.0, -0.0, 1.0, r.randrange(10**6) / 100, -r.randrange(10**12) / 1000, r.random(), r.gauss(0, 1e9),
                     1e300, -1e-300, float("inf"), 2.0**53 + 2, float(r.randrange(2**50))])


def text(r, most):
    alphabet = r.choice(["abc XYZ09", "äöü€x", "a\0b", "𝄞 é"])
    return "".join(r.choice(alphabet) for _ in range(r.choice([0, 1, 3, 10, 16, 17, 48, 49, r.randrange(most)])))


def expected(r, declared, most):
    """A value such as the type holds."""
    kind = declared.split("(")[0]
    if kind in ("INTEGER", "INT", "BIGINT"):
        return integer(r)
    if kind == "BOOLEAN":
        return r.randrange(2)
    if kind in ("REAL", "DOUBLE", "FLOAT", "NUMERIC", "DOUBLE PRECISION"):
        return r.choice([real(r), r.randrange(1000)])
    if kind == "DECIMAL":
        return r.choice([r.randrange(10**9) / 100, r.randrange(1000), "12.25"])
    if kind == "BLOB":
        return r.randbytes(r.choice([0, 1, 16, r.randrange(most)]))
    day = f"{r.randrange(1, 9999):04}-{r.randrange(1, 13):02}-{r.randrange(1, 29):02}"
    clock = f"{r.randrange(24):02}:{r.randrange(60):02}:{r.randrange(60):02}"
    return {
        "DATE": day,
        "DATETIME": f"{day} {clock}",
        "TIMESTAMPTZ": f"{day}T{clock}Z",
        "TIME": clock,
        "UUID": r.choice([r.randbytes(16), r.randbytes(16).hex()]),
    }.get(kind) or text(r, most)


def value(r, declared, most, odd):
    if r.random() < 0.1:
        return None
    if r.random() < odd:
        return r.choice([integer(r), real(r), text(r, most), r.randbytes(r.randrange(20)), "abc", "12", "2013-02-30"])
    return expected(r, declared, most)


def reserve_bytes(path, page_size, n):
    """N bytes at the end of each page that SQLite leaves alone, as encryption and checksums want them."""
    with open(path, "r+b") as file:
        file.seek(20)
        file.write(bytes([n]))
        file.seek(105)  # where the cells of the empty schema begin
        file.write(((page_size - n) % 65536).to_bytes(2, "big"))


class Database:
    """A table t with a life: rows come, change and go, columns are added, frames stay in the WAL."""

    def __init__(self, path, seed):
        self.path = path
        self.r = r = random.Random(seed)
        self.page_size = r.choice([512, 1024, 4096, 4096, 8192, 65536])
        self.wal = r.random() < 0.6
        self.added = 0
        self.most = r.choice([20, 60, 300, 5000, 200000])
        self.odd = r.choice([0, 0, 0.001, 0.05])
        db = sqlite3.connect(path, isolation_level=None)
        db.execute(f"PRAGMA page_size={self.page_size}")
        db.execute(f"PRAGMA auto_vacuum={r.choice([0, 0, 1, 2])}")
        db.execute("VACUUM")
        db.close()
        if r.random() < 0.2:
            reserve_bytes(path, self.page_size, r.choice([1, 8, 31]))
        self.db = db = sqlite3.connect(path, isolation_level=None)
        db.execute(f"PRAGMA journal_mode={'WAL' if self.wal else r.choice(['DELETE', 'TRUNCATE', 'PERSIST'])}")
        db.execute("PRAGMA synchronous=OFF")
        db.execute(f"PRAGMA wal_autocheckpoint={r.choice([0, 1, 20, 1000])}")
        db.execute("CREATE TABLE other(a, b)")
        self.create()
        for _ in range(r.randrange(1, 8)):
            self.live()
        self.old = None

    def create(self):
        r = self.r
        n = r.choice([1, 2, 5, 16, 40, 40, 300])
        self.columns = [(f"c{i}", r.choice(TYPES)) for i in range(n)]
        parts = [f"{name} {declared}{' NOT NULL' if r.random() < 0.05 else ''}" for name, declared in self.columns]
        self.key = r.random() < 0.5
        if self.key:
            parts.insert(r.randrange(n + 1), "id INTEGER PRIMARY KEY")
        if r.random() < 0.2:
            parts.append("made GENERATED ALWAYS AS (1) STORED")
        self.db.execute(f"CREATE TABLE t({', '.join(parts)})")
        self.most = max(20, min(self.most, 10**6 // n))

    def insert(self):
        r = self.r
        names = [name for name, _ in self.columns]
        rows = r.choice([0, 1, 30, 300, 2000]) * 5 // max(5, len(names))
        if self.most > 10000:
            rows = min(rows, 20)
        sql = f"INSERT OR IGNORE INTO t(rowid, {', '.join(names)}) VALUES ({', '.join('?' * (len(names) + 1))})"
        step = r.choice([None, 1, 7, 10**12, -3])
        at = r.choice([0, -5, 10**15, 2**63 - 2000, -(2**63)])
        for i in range(rows):
            rowid = None if step is None else max(-(2**63), min(2**63 - 1, at + i * step))
            if step is None and r.random() < 0.1:
                rowid = integer(r)
            try:
                self.db.execute(sql, [rowid] + [value(r, declared, self.most, self.odd) for _, declared in self.columns])
            except (sqlite3.IntegrityError, sqlite3.OperationalError):
                pass  # NULL in a NOT NULL column; the greatest rowid is taken

    def live(self):
        r, db = self.r, self.db
        name, declared = r.choice(self.columns)
        db.execute("BEGIN")
        self.insert()
        what = r.randrange(8)
        if what == 0:
            db.execute("DELETE FROM t WHERE abs(random()) % 3 = 0")
        elif what == 1:
            db.execute(f"UPDATE OR IGNORE t SET {name} = ? WHERE abs(random()) % 5 = 0", [expected(r, declared, self.most)])
        elif what == 2:
            self.added += 1
            new = f"n{self.added}"
            kind = r.choice(TYPES)
            default = r.choice(DEFAULTS + [None])
            db.execute(f"ALTER TABLE t ADD COLUMN {new} {kind}" + (f" DEFAULT {default}" if default else ""))
            self.columns.append((new, kind))
        elif what == 3 and len(self.columns) > 2:
            db.execute(f"ALTER TABLE t DROP COLUMN {name}")
            self.columns.remove((name, declared))
        elif what == 4:
            db.execute("DELETE FROM t WHERE rowid > (SELECT avg(rowid) FROM t)")
        elif what == 5:
            db.execute("WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 300)"
                       " INSERT INTO other SELECT i, randomblob(90) FROM n")
        db.execute(r.choice(["COMMIT", "COMMIT", "COMMIT", "ROLLBACK"]) if what > 3 else "COMMIT")
        if r.random() < 0.1:
            db.execute("VACUUM")
        if self.wal:
            self.checkpoint()

    def checkpoint(self):
        """None, a whole one, or one that a reader of an older state holds up half way."""
        r, db = self.r, self.db
        what = r.randrange(5)
        if what == 0:
            db.execute(f"PRAGMA wal_checkpoint({r.choice(['PASSIVE', 'RESTART', 'TRUNCATE'])})")
        elif what == 1:
            old = sqlite3.connect(self.path, isolation_level=None)
            old.execute("BEGIN")
            old.execute("SELECT count(*) FROM t").fetchone()
            self.insert()
            db.execute("PRAGMA wal_checkpoint(PASSIVE)")
            self.insert()
            old.execute("ROLLBACK")
            old.close()


@pytest.mark.parametrize("case", range(CASES))
def test_a_random_table_is_the_same_from_its_pages(tmp_path, case):
    d = Database(tmp_path / "x.db", SEED * 1000003 + case)
    r = d.r
    for options in (
        ["--policy", r.choice(["null", "text", "reject"]), "--split-rows", 50],
        ["--batch", r.choice([1, 7, 1000]), "--split-rows", r.choice([1, 200, 10**6])],
        ["--consistency", "copy", "--policy", "null"],
        ["--policy", "null", "--columns", ",".join(r.sample([n for n, _ in d.columns], 1 + len(d.columns) // 3))],
        ["--policy", "reject", "--max-value", 5000, "--batch", 777],
    ):
        compare(d.path, "t", *options)
    d.db.close()


# ---- which way ----


def planned(shop, *options):
    result = shop.leat("plan", shop.job, *options)
    assert result.code == 0, result
    return result.out


@pytest.mark.parametrize(
    "make, stream, says",
    [
        ("CREATE TABLE t(a)", "t: {}", "read: pages"),
        ("PRAGMA journal_mode=WAL; CREATE TABLE t(a)", "t: {}", "read: pages"),
        ("PRAGMA encoding='UTF-16le'; CREATE TABLE t(a)", "t: {}", "read: sql (its text is UTF-16)"),
        ("CREATE TABLE t(a INTEGER PRIMARY KEY) WITHOUT ROWID", "t: {}", "read: sql (it is not a table with rowids)"),
        ("CREATE TABLE u(a); CREATE VIEW t AS SELECT * FROM u", "t: {}", "read: sql (it is not a table with rowids)"),
        ("CREATE TABLE t(a)", "t: {where: a > 1}", "read: sql (where: is SQL)"),
        ("CREATE TABLE t(a, b AS (a + 1))", "t: {}", "read: sql (a generated column is not stored)"),
        ("CREATE TABLE t(a, b AS (a + 1))", "t: {select: [a]}", "read: pages"),
        ("CREATE TABLE t(a, b AS (a + 1) STORED)", "t: {}", "read: pages"),
        ("CREATE TABLE t(rowid, oid, _rowid_)", "t: {}", "read: sql (its rowid has no name)"),
        ("CREATE TABLE t(i INTEGER PRIMARY KEY)", "t: {mode: incremental, update_key: i}", "read: pages"),
        ("CREATE TABLE t(i INTEGER)", "t: {mode: incremental, update_key: i}", "read: pages"),  # all rows, the first time
    ],
)
def test_the_plan_says_how_rows_are_read(shop, make, stream, says):
    shop.sql(make)
    shop.write_job(stream)
    assert says in planned(shop)


def test_the_job_may_ask_for_one_way(shop):
    shop.sql("CREATE TABLE t(a); CREATE VIEW v AS SELECT * FROM t")
    for way, stream, code, says in (
        ("sql", "t", 0, "read: sql (as the job asks)"),
        ("pages", "t", 0, "read: pages"),
        ("pages", "v", 1, "read: pages, but they can't be read: it is not a table with rowids"),
    ):
        shop.job.write_text(f"source: {{url: ./shop.db, read: {way}}}\ntarget: ./lake\nstreams: {{{stream}: {{}}}}\n")
        result = shop.leat("plan", shop.job)
        assert says in result.out + result.err and bool(result.code) == bool(code), result


def test_a_later_run_reads_new_rowids_from_the_pages(shop):
    shop.sql("CREATE TABLE t(i INTEGER PRIMARY KEY, x); INSERT INTO t(x) VALUES (1), (2), (3)")
    shop.write_job("t: {mode: incremental, update_key: i}")
    shop.run()
    shop.sql("INSERT INTO t(x) VALUES (4), (5)")
    assert "read: pages" in planned(shop)
    report = shop.run().stream()
    assert sorted(rows_of(shop, "t")["i"].to_pylist()) == [1, 2, 3, 4, 5], report


def rows_of(shop, name):
    import deltalake

    return deltalake.DeltaTable(str(shop.table(name))).to_pyarrow_table()


# ---- beside writers ----

ACCOUNTS, TOTAL = 40000, 40000 * 1000


class Bank(threading.Thread):
    """Moves money and rows about, commit by commit, with checkpoints of every kind: the sum and the number of rows stay."""

    def __init__(self, path, seed):
        super().__init__()
        self.path, self.random, self.commits, self.stopped = path, random.Random(seed), 0, threading.Event()

    def move(self, db):
        r = self.random
        db.execute("BEGIN IMMEDIATE")
        for _ in range(r.choice([1, 5, 40])):
            a, b = r.randrange(ACCOUNTS), r.randrange(ACCOUNTS)
            amount = r.randrange(100)
            db.execute("UPDATE account SET balance = balance - ? WHERE place = ?", [amount, a])
            db.execute("UPDATE account SET balance = balance + ?, note = ? WHERE place = ?",
                       [amount, "n" * r.choice([0, 20, 200, 9000]), b])
            # a row moves to another leaf; pages split, empty and are used again
            db.execute("UPDATE account SET id = (SELECT max(id) + 1 FROM account) WHERE place = ?", [r.randrange(ACCOUNTS)])
        db.execute("COMMIT")
        self.commits += 1

    def run(self):
        db = sqlite3.connect(self.path, isolation_level=None, timeout=60)
        db.execute("PRAGMA synchronous=OFF")
        db.execute(f"PRAGMA wal_autocheckpoint={self.random.choice([0, 1, 10])}")
        db.execute("PRAGMA busy_timeout=5")  # of checkpoints that wait for readers
        while not self.stopped.is_set():
            self.move(db)
            if self.random.random() < 0.3:
                db.execute(f"PRAGMA wal_checkpoint({self.random.choice(['PASSIVE', 'FULL', 'RESTART', 'TRUNCATE'])})")
        db.close()


def test_what_is_read_beside_a_writer_is_one_state(shop):
    shop.sql(
        "PRAGMA journal_mode=WAL; CREATE TABLE account(id INTEGER PRIMARY KEY, place INTEGER UNIQUE, balance INTEGER, note TEXT);"
        f"WITH RECURSIVE n(i) AS (VALUES(0) UNION ALL SELECT i + 1 FROM n WHERE i < {ACCOUNTS - 1})"
        " INSERT INTO account SELECT i * 3, i, 1000, 'a note that fills the page' FROM n"
    )
    shop.write_job("account: {mode: full-refresh}")
    pages = 0
    for seed in range(8):
        bank = Bank(shop.db, SEED * 1000 + seed)
        bank.start()
        try:
            pages += "read: pages" in planned(shop)
            shop.run()
        finally:
            bank.stopped.set()
            bank.join()
        rows = rows_of(shop, "account")
        assert bank.commits > 3
        assert len(set(rows["place"].to_pylist())) == rows.num_rows == ACCOUNTS
        assert sum(rows["balance"].to_pylist()) == TOTAL
    assert pages >= 4  # else the test says nothing about pages


# ---- damaged files ----


@pytest.mark.parametrize("case", range(max(4, CASES // 4)))
def test_damage_ends_in_an_error_or_the_rows_of_sql(tmp_path, case):
    d = Database(tmp_path / "x.db", SEED * 7919 + case)
    r = d.r
    d.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    d.db.execute("PRAGMA journal_mode=DELETE")
    d.db.close()
    whole = d.path.read_bytes()
    for _ in range(12):
        damaged = bytearray(whole)
        for _ in range(r.choice([1, 1, 3, 30])):
            page = r.randrange(len(whole) // d.page_size)
            # the header of a page, its cells' pointers, or anywhere
            at = page * d.page_size + r.choice([r.randrange(12), r.randrange(64), r.randrange(d.page_size)])
            if at < 100:
                continue
            damaged[at] = r.choice([damaged[at] ^ (1 << r.randrange(8)), 0, 255, r.randrange(256)])
        if r.random() < 0.1:
            del damaged[r.randrange(len(damaged)) :]
        d.path.write_bytes(damaged)
        compare(d.path, "t", "--hostile", "--policy", "null", "--split-rows", r.choice([20, 10**6]))
