"""Sources that are hard on memory: many columns, huge values, many partitions, one value over and over.

Each is a function that fills a shop's database and gives back the stream's options; sizes are arguments, so that the tests
take small ones and bench/memory.py the full ones."""

import contextlib
import random
import sqlite3

MB = 10**6


def fill(shop, create, table, columns, rows):
    with contextlib.closing(sqlite3.connect(shop.db)) as db:
        db.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA page_size = 32768;" + create)
        db.executemany(f"INSERT INTO {table} VALUES ({','.join('?' * columns)})", rows)
        db.commit()
        db.execute("PRAGMA journal_mode = WAL")


def filler(seed, size):
    """Text that compresses about as words do."""
    pick = random.Random(seed)
    return "".join(pick.choices("abcdefghijklmnopqrstuvwxyz      ", k=size))


# ---- many columns ----


def wide(shop, columns=1600, rows=20000, partitions=0):
    """Whole numbers, texts, fractions and NULLs in turn; PARTITIONS days in random order, where asked for."""
    types = ["INTEGER", "TEXT", "REAL", "INTEGER"]
    names = ["day DATE"] + [f"c{i:04} {types[i % 4]}" for i in range(1, columns)]
    texts = [filler(i, 24) for i in range(997)]

    def row(r):
        yield day((r * 7919) % partitions) if partitions else day(r % 100)
        for i in range(1, columns):
            if i % 4 == 1:
                yield None if (r + i) % 5 == 0 else texts[(r * 31 + i) % 997]
            elif i % 4 == 2:
                yield r / 8 + i
            else:
                yield None if (r + i) % 7 == 0 else r * columns + i

    fill(shop, f"CREATE TABLE t ({', '.join(names)});", "t", columns, (tuple(row(r)) for r in range(rows)))
    return "partition_by: day(day)" if partitions else ""


# ---- huge values ----


def huge(shop, megabytes=50, rows=8, texts=True, small_rows=2000):
    """A blob and a text of so many MB in each row, none of them compressible to nothing, between small rows."""
    pick = random.Random(7)
    create = "CREATE TABLE t (id INTEGER PRIMARY KEY, raw BLOB, words TEXT, note TEXT);"
    step = small_rows + 1

    def row(r):
        raw = b"".join(pick.randbytes(MB) for _ in range(megabytes))
        words = pick.randbytes(megabytes * MB // 2).hex() if texts else None
        return r * step, raw, words, f"row {r}"

    def all_rows():
        for r in range(rows):
            yield row(r)
            for small in range(1, step):
                yield r * step + small, b"small", "small", None

    fill(shop, create, "t", 4, all_rows())
    return ""


# ---- many partitions ----


def day(number):
    import datetime

    return (datetime.date(1992, 1, 1) + datetime.timedelta(days=number)).isoformat()


def partitioned(shop, partitions=10000, rows=100000, columns=60, row_bytes=1000):
    """Wide rows whose partitions come in random order."""
    names = ["id INTEGER PRIMARY KEY", "day DATE"] + [
        f"c{i:03} {'TEXT' if i % 2 else 'INTEGER'}" for i in range(2, columns)
    ]
    size = max(1, row_bytes // max(1, (columns - 2) // 2) - 9)
    texts = [filler(i, size) for i in range(997)]

    def row(r):
        yield r
        yield day(r * 7919 % partitions)
        for i in range(2, columns):
            yield texts[(r * 31 + i) % 997] if i % 2 else r * 1000003 % 65537 + i

    fill(shop, f"CREATE TABLE t ({', '.join(names)});", "t", columns, (tuple(row(r)) for r in range(rows)))
    return "partition_by: day(day)"


# ---- one value over and over ----


def one_value(shop, rows=1_000_000, text_bytes=1000):
    """The same row over and over: dictionaries of one entry, texts of a kilobyte."""
    create = """CREATE TABLE t (small SMALLINT, whole BIGINT, fraction REAL, price DECIMAL(12,2), large DECIMAL(38,4), born DATE,
                                seen TIMESTAMP, paid BOOLEAN, raw BLOB, words TEXT, absent TEXT);"""
    row = (7, 7 * 10**12, 0.5, "19.99", "12345678901234567890.1234", "2013-11-30", "2013-11-30 12:00:00", 1, b"\0\1\2", filler(1, text_bytes), None)
    fill(shop, create, "t", len(row), (row for _ in range(rows)))
    return ""
