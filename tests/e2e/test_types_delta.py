"""Columns of types that Delta does not have land in a table as another type, every value exactly, for every reader.

What a type becomes is said by plan, check, discover and the table itself, and in docs/types.md."""

import datetime as dt
import decimal
import json

import pytest

from postgres_shop import write_job
from readers import READERS, canonical, log

MIDNIGHT = dt.datetime(2013, 11, 30)
WIDE = "1" * 30 + "." + "9" * 9

# column, its declared type in SQLite, its type in the job file (None: by declaration), Delta's type, [(stored, read)...]
COLUMNS = [
    ("u8", "INTEGER", "uint8", "short", [(0, 0), (255, 255), (None, None), (128, 128)]),
    ("u16", "INTEGER", "uint16", "integer", [(65535, 65535), (None, None), (32768, 32768), (0, 0)]),
    ("u32", "INTEGER", "uint32", "long", [(4294967295, 4294967295), (2147483648, 2147483648), (0, 0), (None, None)]),
    ("u64", "BLOB", "uint64", "decimal(20,0)",
     [(9223372036854775807, decimal.Decimal(9223372036854775807)), (None, None), (0, decimal.Decimal(0)),
      ("18446744073709551615", decimal.Decimal(18446744073709551615))]),
    ("wide", "TEXT", "decimal(39,9)", "string", [(WIDE, WIDE), ("-" + WIDE, "-" + WIDE), (None, None), ("0.5", "0.500000000")]),
    ("declared", "DECIMAL(50,2)", None, "string", [("12.3", "12.30"), (7, "7.00"), (None, None), (-0.25, "-0.25")]),
    ("fixed", "BLOB", "fixed_binary(3)", "binary", [(b"\0\0\0", b"\0\0\0"), (b"\xff\0\xff", b"\xff\0\xff"), (None, None), (b"abc", b"abc")]),
    ("at", "TIME", None, "string",
     [("00:00:00", "00:00:00"), ("23:59:59.999999", "23:59:59.999999"), ("24:00:00", "24:00:00"), (None, None)]),
    ("span", "TEXT", "interval", "string",
     [("P1Y2M3DT4H5M6.5S", "P1Y2M3DT4H5M6.5S"), ("PT0S", "PT0S"), (None, None), ("P2WT90M", "P14DT1H30M")]),
    ("id", "UUID", None, "string",
     [("6BA7B810-9DAD-11D1-80B4-00C04FD430C8", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"), (None, None),
      ("f" * 32, "ffffffff-ffff-ffff-ffff-ffffffffffff"), (b"\0" * 16, "00000000-0000-0000-0000-000000000000")]),
    ("doc", "JSON", None, "string", [('{"a": [1, null, "é"]}', '{"a": [1, null, "é"]}'), ("null", "null"), (None, None), ('""', '""')]),
]  # fmt: skip
NAMES = [column[0] for column in COLUMNS]


@pytest.fixture
def typed(shop):
    """Four rows, and a job that names the types which SQLite has no words for."""
    shop.sql(
        "CREATE TABLE t (n INTEGER PRIMARY KEY, " + ", ".join(f"{name} {kind}" for name, kind, *_ in COLUMNS) + ");"
    )
    rows = [(i, *(values[i][0] for *_, values in COLUMNS)) for i in range(4)]
    shop.sql(f"INSERT INTO t VALUES ({', '.join('?' * (1 + len(COLUMNS)))})", rows)
    listed = ", ".join(f"{name}: {{type: '{kind}'}}" for name, _, kind, *_ in COLUMNS if kind)
    shop.write_job(f"t: {{mode: incremental, update_key: n, columns: {{{listed}}}}}")
    return shop


def expected(rows=range(4)):
    return [(i, *(canonical.value(values[i][1]) for *_, values in COLUMNS)) for i in rows]


def read(shop, reader):
    return canonical.rows(READERS[reader](shop.table("t")), ["n", *NAMES])


def test_every_reader_gives_every_value(typed):
    typed.run()
    for reader in READERS:
        told = canonical.differences(expected(), read(typed, reader), NAMES)
        assert not told, f"{reader}: {told}"
    assert log.statistics_errors(typed.table("t")) == []


def test_the_table_says_what_its_columns_were(typed):
    typed.run()
    schema = json.loads(log.snapshot(typed.table("t")).metadata["schemaString"])
    fields = {field["name"]: field for field in schema["fields"]}
    assert {name: fields[name]["type"] for name in NAMES} == {name: delta for name, _, _, delta, _ in COLUMNS}
    assert fields["u64"]["metadata"] == {"leat.type": "uint64"}
    assert fields["declared"]["metadata"] == {"leat.type": "decimal(50,2)"}
    assert fields["n"]["metadata"] == {}


def test_the_next_run_goes_on_in_the_same_types(typed):
    typed.run()
    typed.sql("INSERT INTO t SELECT n + 4, " + ", ".join(NAMES) + " FROM t")
    again = typed.run()
    assert again.stream()["rows_written"] == 4
    assert sorted(row[0] for row in read(typed, "pyarrow")) == list(range(8))
    assert len(log.versions(typed.table("t"))) == 2
    assert log.snapshot(typed.table("t")).commits[1][0].get("metaData") is None


def test_plan_and_check_and_discover_say_it(typed):
    for command in ("plan", "check"):
        told = typed.leat(command, typed.job).out
        assert 'column "u64": uint64, carried as decimal(20,0): a delta table has no uint64' in told, told
        assert 'column "at": time, carried as text: a delta table has no time' in told
        assert 'column "n"' not in told
    told = typed.leat("discover", typed.db).out
    assert "uuid (delta table: text)" in told
    catalog = json.loads(typed.leat("discover", typed.db, "--json").out)
    types = {c["name"]: (c["type"], c["carried_as"]) for c in catalog["streams"][0]["columns"]}
    assert types["at"] == ("time", "text") and types["n"] == ("int64", None)


def test_a_partition_can_be_of_such_a_column(typed):
    listed = ", ".join(f"{name}: {{type: '{kind}'}}" for name, _, kind, *_ in COLUMNS if kind)
    typed.write_job(f"t: {{mode: full-refresh, partition_by: [id, u8], columns: {{{listed}}}}}")
    typed.run()
    for reader in READERS:
        told = canonical.differences(expected(), read(typed, reader), NAMES)
        assert not told, f"{reader}: {told}"


def test_a_value_that_does_not_fit_is_stopped_made_null_or_rejected_and_counted(typed):
    typed.sql("UPDATE t SET u8 = 256 WHERE n = 1; UPDATE t SET at = '25:00:00' WHERE n < 3;")
    stopped = typed.leat("run", typed.job)
    assert stopped.code == 1 and "'25:00:00' does not fit time" in stopped.err
    typed.write_job(
        "t: {mode: full-refresh, select: [n, u8, at], "
        "columns: {u8: {type: uint8, on_error: 'null'}, at: {on_error: reject}}}"
    )
    report = typed.run().stream()
    assert report["rows_rejected"] == 3 and report["rows_written"] == 1
    typed.write_job(
        "t: {mode: full-refresh, select: [n, u8, at], "
        "columns: {u8: {type: uint8, on_error: 'null'}, at: {on_error: text}}}"
    )
    report = typed.run("--accept-schema").stream()
    assert report["rows_rejected"] == 0 and report["rows_written"] == 4
    assert (report["values_null"], report["values_text"]) == (1, 3)
    found = {row[0]: row for row in canonical.rows(READERS["duckdb"](typed.table("t")), ["n", "u8", "at"])}
    assert found[1] == (1, None, "25:00:00") and found[3][2] is None
    runs = json.loads(typed.leat("runs", "--json").out)
    newest = (runs["runs"] if isinstance(runs, dict) else runs)[0]
    assert (newest["values_null"], newest["values_text"], newest["rows_rejected"]) == (1, 3, 0)


NESTED = [
    ("ids", "uuid[]", "'{6ba7b810-9dad-11d1-80b4-00c04fd430c8,NULL}'", ["6ba7b810-9dad-11d1-80b4-00c04fd430c8", None]),
    ("times", "time[]", "'{24:00:00,00:00:00.000001}'", ["24:00:00", "00:00:00.000001"]),
    ("spans", "interval[]", "'{1 mon -1 day 0.5 s}'", ["P1M-1DT0.5S"]),
    ("wides", "numeric(50,2)[]", f"'{{-{'9' * 48}.01}}'", ["-" + "9" * 48 + ".01"]),
    ("docs", "json[]", "ARRAY['{\"a\": 1}'::json, NULL]", ['{"a": 1}', None]),
    ("plain", "int[]", "'{1,NULL}'", [1, None]),
]


def test_what_is_inside_lists_and_structs_is_carried_too(shop, server, schema):
    columns = ", ".join(f"{name} {kind}" for name, kind, *_ in NESTED)
    server.sql(
        f"CREATE TYPE {schema}.pair AS (k uuid, n int);"
        f"CREATE TABLE {schema}.nested (n int PRIMARY KEY, {columns}, pair {schema}.pair);"
        f"INSERT INTO {schema}.nested VALUES (1, {', '.join(sql for _, _, sql, _ in NESTED)},"
        f" ROW('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 7)); INSERT INTO {schema}.nested (n) VALUES (2);"
        f"INSERT INTO {schema}.nested (n, ids, times, pair) VALUES (3, '{{}}', '{{NULL}}', ROW(NULL, NULL))"
    )
    write_job(shop, server.url(), f"{schema}.nested: {{mode: full-refresh}}")
    told = shop.leat("plan", shop.job).out
    assert 'column "ids": inside it uuid as text: a delta table has no such type' in told, told
    shop.run()
    folder = shop.lake / schema / "nested"
    names = [name for name, *_ in NESTED]
    full = [value for *_, value in NESTED]
    for reader in READERS:
        found = {row["n"]: row for row in READERS[reader](folder).to_pylist()}
        assert [found[1][name] for name in names] == full, reader
        assert found[1]["pair"] == {"k": "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "n": 7}
        assert [found[2][name] for name in names] == [None] * len(names) and found[2]["pair"] is None
        assert (found[3]["ids"], found[3]["times"], found[3]["pair"]) == ([], [None], {"k": None, "n": None}), reader
    fields = {f["name"]: f for f in json.loads(log.snapshot(folder).metadata["schemaString"])["fields"]}
    assert fields["ids"]["metadata"] == {"leat.type": "list of uuid"} and fields["plain"]["metadata"] == {}
    assert fields["pair"]["type"]["fields"][0]["metadata"] == {"leat.type": "uuid"}
