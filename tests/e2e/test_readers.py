"""The harness judged first: every reader gives the same rows of a table that delta-rs wrote.

A difference found later is then leat's, not the harness's."""

import datetime
import decimal
import json
import sqlite3

import deltalake
import pyarrow
import pytest

from readers import READERS, canonical, compare, log

UTC = datetime.timezone.utc
PLACES = ["NYC", None, "a/b=c", "../../etc", "x y%z", "Zürich", "line\nbreak"]


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """A SQLite table and the Delta table that holds its rows."""
    folder = tmp_path_factory.mktemp("known")
    rows = []
    for i in range(70):
        when = datetime.datetime(2013, 11, 28, 23, 59, 59, 123456) + datetime.timedelta(hours=i)
        rows.append(
            (
                i,
                PLACES[i % len(PLACES)],
                None if i % 5 == 0 else f"text {i}",
                None if i % 4 == 0 else decimal.Decimal(i - 30).scaleb(-2),
                float(i) / 3,
                when,
                when.replace(tzinfo=UTC),
                None if i % 9 == 0 else when.date(),
                bytes([i, 0, 255]),
                i % 2 == 0,
            )
        )
    schema = pyarrow.schema(
        [
            ("id", pyarrow.int64()),
            ("place", pyarrow.string()),
            ("note", pyarrow.string()),
            ("price", pyarrow.decimal128(18, 2)),
            ("ratio", pyarrow.float64()),
            ("local", pyarrow.timestamp("us")),
            ("instant", pyarrow.timestamp("us", "UTC")),
            ("day", pyarrow.date32()),
            ("raw", pyarrow.binary()),
            ("even", pyarrow.bool_()),
        ]
    )
    table = pyarrow.table([pyarrow.array(c, f.type) for c, f in zip(zip(*rows), schema)], schema=schema)
    deltalake.write_deltalake(str(folder / "table"), table, partition_by=["place"])

    with sqlite3.connect(folder / "source.db") as db:
        db.execute(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, place TEXT, note TEXT, price DECIMAL(18,2), ratio REAL,"
            " local TIMESTAMP, instant TEXT, day DATE, raw BLOB, even BOOLEAN)"
        )
        db.executemany(
            "INSERT INTO t VALUES (?,?,?,?,?,?,?,?,?,?)",
            [
                (r[0], r[1], r[2], None if r[3] is None else str(r[3]), r[4], r[5].isoformat(" "),
                 r[6].isoformat(" "), None if r[7] is None else r[7].isoformat(), r[8], r[9])
                for r in rows
            ],
        )
    db.close()
    return folder


@pytest.mark.parametrize("reader", READERS)
def test_a_reader_gives_the_rows_of_the_source(known, reader):
    compare.assert_equal_to_source(
        known / "table", known / "source.db", "SELECT * FROM t", readers=[reader], statistics=False
    )


@pytest.mark.parametrize("reader", READERS)
def test_a_single_changed_value_is_seen(known, tmp_path, reader):
    copy = tmp_path / "changed.db"
    copy.write_bytes((known / "source.db").read_bytes())
    with sqlite3.connect(copy) as db:
        db.execute("UPDATE t SET price = '0.07' WHERE id = 31")
    db.close()
    with pytest.raises(AssertionError, match="missing: 1"):
        compare.assert_equal_to_source(
            known / "table", copy, "SELECT * FROM t", readers=[reader], statistics=False
        )


def test_true_statistics_pass_and_wrong_ones_are_named(known, tmp_path):
    assert log.statistics_errors(known / "table") == []
    first = known / "table" / "_delta_log" / f"{0:020}.json"
    kept = first.read_text()
    lines = []
    for line in kept.splitlines():
        action = json.loads(line)
        if "add" in action:
            stats = json.loads(action["add"]["stats"])
            stats["nullCount"]["note"] += 1
            stats["maxValues"]["id"] -= 1
            action["add"]["stats"] = json.dumps(stats)
        lines.append(json.dumps(action))
    try:
        first.write_text("\n".join(lines))
        wrong = "\n".join(log.statistics_errors(known / "table"))
    finally:
        first.write_text(kept)
    assert "note" in wrong and "NULLs" in wrong and "id: holds" in wrong


def test_a_doubled_row_is_a_difference():
    assert canonical.differences([(1,), (2,)], [(1,), (2,), (2,)], ["id"])
    assert not canonical.differences([(1,), (2,)], [(2,), (1,)], ["id"])
