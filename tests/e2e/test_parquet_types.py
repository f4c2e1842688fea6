"""Every type through the Parquet writer, read back by pyarrow, DuckDB and Polars and compared by value.

`write_types` (tests/unit/format/write_types.c) writes the file; the formulas of its values are known here as
well, so neither side vouches for itself. `scripts/check` builds the program; LEAT_WRITE_TYPES names another one.
"""

import datetime as dt
import json
import math
import os
import pathlib
import subprocess
import uuid
from decimal import Decimal, localcontext

import duckdb
import harness
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILT = ROOT / "build-check" / "gcc" / "tests" / "unit" / "format" / "write_types"
PROGRAM = pathlib.Path(os.environ.get("LEAT_WRITE_TYPES", BUILT))

COLORS = ["red", "green", "blue", "", "ultramarine"]
NAMES = (
    "row bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 dec7_2 dec9_0 dec10_3 dec18_4 "
    "dec19_0 dec38_10 dec50_5 dec76_20 text binary fixed5 date time timestamp timestamptz interval uuid json "
    "color small ints texts pair map points"
).split()
EPOCH = dt.datetime(1970, 1, 1)
MASK = (1 << 64) - 1


def integer(bits, signed):
    def value(i):
        if i % 11 == 0:
            return -(1 << (bits - 1)) if signed else 0
        if i % 11 == 1:
            return (1 << (bits - 1)) - 1 if signed else (1 << bits) - 1
        v = ((i * 0x9E3779B97F4A7C15) & MASK) >> (64 - bits)
        return v - (1 << bits) if signed and v >> (bits - 1) else v

    return value


def floating(i):
    special = {0: -math.inf, 1: math.inf, 2: math.nan, 3: -0.0}
    return special.get(i % 11, (i % 5000) / 4 - 100)


def decimal(precision, scale):
    def value(i):
        digits = 10**precision - 1 if i % 11 < 2 else i * 7919 % 10 ** min(precision, 12)
        positive = i % 11 == 1 or (i % 11 > 1 and i % 2 == 1)
        with localcontext() as context:
            context.prec = 80
            return Decimal(digits if positive else -digits).scaleb(-scale)

    return value


def text(i):
    return {0: "", 1: "é" * 100}.get(i % 11, f"row {i % 1000} żółć")


def binary(i):
    return {0: b"", 1: b"\xff" * 100}.get(i % 11, bytes([i & 255]) * (i % 20))


def pick(i, smallest, largest, other):
    return {0: smallest, 1: largest}.get(i % 11, other)


def timestamp(i):
    return EPOCH + dt.timedelta(microseconds=pick(i, -62135596800000000, 253402300799999999, i * 1000000007))


def time(i):
    us = pick(i, 0, 86399999999, i * 1000003 % 86400000000)
    return (EPOCH + dt.timedelta(microseconds=us)).time()


def uuid_value(i):
    mixed = (i * 0x9E3779B97F4A7C15) & MASK
    return uuid.UUID(bytes=pick(i, b"\0" * 16, b"\xff" * 16, mixed.to_bytes(8, "little") * 2))


def interval(i):
    parts = (i % 30, i % 100, i % 1000)
    return b"".join(p.to_bytes(4, "little") for p in parts)


def pair(i):
    return {"a": i, "b": None if i % 3 == 0 else f'{{"i": {i}}}'}


VALUES = {
    "row": lambda i: i,
    "bool": lambda i: i % 3 == 0,
    "int8": integer(8, True),
    "int16": integer(16, True),
    "int32": integer(32, True),
    "int64": integer(64, True),
    "uint8": integer(8, False),
    "uint16": integer(16, False),
    "uint32": integer(32, False),
    "uint64": integer(64, False),
    "float32": floating,
    "float64": floating,
    "dec7_2": decimal(7, 2),
    "dec9_0": decimal(9, 0),
    "dec10_3": decimal(10, 3),
    "dec18_4": decimal(18, 4),
    "dec19_0": decimal(19, 0),
    "dec38_10": decimal(38, 10),
    "dec50_5": decimal(50, 5),
    "dec76_20": decimal(76, 20),
    "text": text,
    "binary": binary,
    "fixed5": lambda i: (i & 0xFFFFFF).to_bytes(3, "big") + b"\x00\xff",
    "date": lambda i: EPOCH.date() + dt.timedelta(days=pick(i, -719162, 2932896, i % 30000)),
    "time": time,
    "timestamp": timestamp,
    "timestamptz": lambda i: timestamp(i).replace(tzinfo=dt.timezone.utc),
    "interval": interval,
    "uuid": uuid_value,
    "json": lambda i: f'{{"i": {i}}}',
    "color": lambda i: COLORS[i % 5],
    "small": lambda i: i // 100 % 50 - 25,
    "ints": lambda i: [None if (i + j) % 5 == 0 else i * 10 + j for j in range(i % 4)],
    "texts": lambda i: [
        None if (i + j) % 4 == 3 else [COLORS[(i + k) % 5] for k in range(j)] for j in range(i % 3)
    ],
    "pair": pair,
    "map": lambda i: [("k0", i), ("k1", None)][: i % 3],
    "points": lambda i: [None if (i + j) % 4 == 3 else pair(i + j) for j in range(i % 3)],
}


def expected(name, rows, nulls="some"):
    column = NAMES.index(name)

    def is_null(i):
        if name == "row" or nulls == "none":
            return False
        return nulls == "all" or i % 7 == column % 7

    return [None if is_null(i) else VALUES[name](i) for i in range(rows)]


def plain(value):
    """NaN equals NaN, -0.0 differs from 0.0, and mappings compare as lists of pairs."""
    if isinstance(value, float):
        return "nan" if math.isnan(value) else (value, math.copysign(1, value))
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return value


def write(path, rows, *arguments):
    assert PROGRAM.exists(), f"{PROGRAM} is not built: run scripts/check gcc, or set LEAT_WRITE_TYPES"
    run = subprocess.run(
        [PROGRAM, path, "--rows", str(rows), *arguments], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return path


CASES = [
    (0, "some", []),
    (1, "some", []),
    (1, "none", []),
    (2, "all", []),
    (9, "none", ["--compression", "none"]),
    (1000, "some", ["--compression", "snappy"]),
    (1000, "none", ["--compression", "zstd:19", "--groups", "7"]),
    (1000, "all", ["--groups", "2"]),
    (3001, "some", ["--compression", "none", "--page-rows", "100", "--groups", "3"]),
    (3001, "some", ["--no-dictionary", "--page-rows", "17"]),
    (20001, "some", []),
    (1000, "some", ["--compression", "gzip:6"]),
    (1000, "some", ["--compression", "lz4_raw", "--groups", "3"]),
    (1, "some", ["--set", "encoding=dense"]),
    (2, "all", ["--set", "encoding=dense"]),
    (1000, "none", ["--set", "encoding=dense", "--set", "dictionary=false", "--compression", "none"]),
    (3001, "some", ["--set", "encoding=dense", "--page-rows", "100", "--groups", "3"]),
    (20001, "some", ["--set", "encoding=dense", "--set", "dictionary=false"]),
]
IDS = ["-".join([str(rows), nulls, *a]).replace("--", "") for rows, nulls, a in CASES]


@pytest.mark.parametrize("rows,nulls,arguments", CASES, ids=IDS)
def test_pyarrow_reads_every_value(tmp_path, rows, nulls, arguments):
    path = write(tmp_path / "t.parquet", rows, "--nulls", nulls, *arguments)
    file = pq.ParquetFile(path, page_checksum_verification=True)
    table = file.read()
    table.validate(full=True)
    assert table.num_rows == rows
    for name in NAMES:
        assert plain(table[name].to_pylist()) == plain(expected(name, rows, nulls)), name


@pytest.mark.parametrize("rows,nulls,arguments", CASES, ids=IDS)
def test_duckdb_reads_every_value(tmp_path, rows, nulls, arguments):
    path = write(tmp_path / "t.parquet", rows, "--nulls", nulls, *arguments)
    # decimals beyond 38 digits are doubles there; intervals are a type of their own
    special = {"dec50_5", "dec76_20", "interval", "timestamptz"}
    names = [n for n in NAMES if n not in special]
    with duckdb.connect() as connection:
        listed = ", ".join(f'"{n}"' for n in names)
        found = connection.sql(f"SELECT {listed} FROM '{path}' ORDER BY row").fetchall()
        sums = connection.sql(
            "SELECT count(interval), sum(epoch_us(timestamptz)::HUGEINT), "
            f"sum(datepart('month', interval) + 12 * datepart('year', interval)) FROM '{path}'"
        ).fetchone()
    assert len(found) == rows
    for k, name in enumerate(names):
        values = [row[k] for row in found]
        if name == "map":  # a dict there
            values = [v if v is None else list(v.items()) for v in values]
        assert plain(values) == plain(expected(name, rows, nulls)), name
    stamps = [v for v in expected("timestamptz", rows, nulls) if v is not None]
    zero = EPOCH.replace(tzinfo=dt.timezone.utc)
    months = [int.from_bytes(v[:4], "little") for v in expected("interval", rows, nulls) if v is not None]
    microseconds = sum((v - zero) // dt.timedelta(microseconds=1) for v in stamps)
    assert sums[0] == len(months)
    assert (sums[1] or 0) == microseconds
    assert (sums[2] or 0) == sum(months)


@pytest.mark.parametrize("rows,nulls,arguments", CASES, ids=IDS)
def test_polars_reads_every_value(tmp_path, rows, nulls, arguments):
    # Polars refuses a file that has an INTERVAL column, whichever columns are asked for
    path = write(tmp_path / "t.parquet", rows, "--nulls", nulls, "--without", "interval", *arguments)
    special = {"dec50_5", "dec76_20", "interval", "uuid", "map"}  # its types end before these
    names = [n for n in NAMES if n not in special]
    frame = polars.scan_parquet(path).select(names).collect()
    assert frame.height == rows
    for name in names:
        found = frame[name].to_list()
        if name == "json":  # bytes there
            found = [v if v is None else v.decode() for v in found]
        assert plain(found) == plain(expected(name, rows, nulls)), name


def order(name, values):
    """The order of the column's type, NaN left out."""
    return [v for v in values if v is not None and not (isinstance(v, float) and math.isnan(v))]


@pytest.mark.parametrize("nulls", ["some", "none", "all"])
def test_statistics_hold_for_every_row_group(tmp_path, nulls):
    rows, groups = 3000, 3
    path = write(tmp_path / "t.parquet", rows, "--nulls", nulls, "--groups", str(groups))
    metadata = pq.ParquetFile(path).metadata
    assert metadata.created_by.startswith("leat version ") and metadata.created_by.endswith("(build 0)")
    positions = {metadata.row_group(0).column(c).path_in_schema: c for c in range(metadata.num_columns)}
    for g in range(groups):
        for name in NAMES[: NAMES.index("ints")]:
            column = metadata.row_group(g).column(positions[name])
            values = expected(name, rows, nulls)[g * 1000 : (g + 1) * 1000]
            statistics = column.statistics
            assert column.has_column_index or name in ("interval", "binary") or nulls == "all", name
            assert column.has_offset_index, name
            assert statistics.null_count == sum(v is None for v in values), name
            kept = order(name, values)
            if name in ("interval", "uuid", "binary", "fixed5", "json") or not kept:
                continue
            assert statistics.has_min_max, name
            if name == "text":
                assert statistics.min == min(kept) and statistics.max >= max(kept)
                assert len(statistics.max.encode()) <= 64
            elif not name.startswith("dec"):  # pyarrow has no bounds of wide decimals
                assert statistics.min == min(kept) and statistics.max == max(kept), name


def test_zero_bounds_stand_for_both_zeros(tmp_path):
    """Row 3 holds -0.0 and, with one row a group, is the only value."""
    path = write(tmp_path / "t.parquet", 4, "--nulls", "none", "--groups", "4")
    column = pq.ParquetFile(path).metadata.row_group(3).column(NAMES.index("float64"))
    assert math.copysign(1, column.statistics.min) == -1
    assert math.copysign(1, column.statistics.max) == 1


def test_pages_are_cut_at_the_same_rows_and_pruned_by_their_index(tmp_path):
    path = write(tmp_path / "t.parquet", 5000, "--nulls", "none", "--page-rows", "50", "--without", "interval")
    for low, high in [(0, 1), (49, 51), (2500, 2700), (4999, 6000)]:
        wanted = [i for i in range(low, high) if i < 5000]
        where = f"row >= {low} AND row < {high}"
        assert duckdb.sql(f"SELECT row FROM '{path}' WHERE {where} ORDER BY 1").fetchall() == [(i,) for i in wanted]
        scan = polars.scan_parquet(path).filter(polars.col("row").is_between(low, high, closed="left"))
        assert scan.select("row").collect()["row"].to_list() == wanted
        table = pq.read_table(path, columns=["row", "text"], filters=[("row", ">=", low), ("row", "<", high)])
        assert table["text"].to_pylist() == [VALUES["text"](i) for i in wanted]


def test_compression_that_gains_nothing_is_left_out(tmp_path):
    codecs = set()
    for rows in (1, 1000):
        path = write(tmp_path / f"{rows}.parquet", rows, "--nulls", "none", "--compression", "snappy")
        group = pq.ParquetFile(path).metadata.row_group(0)
        for column in map(group.column, range(group.num_columns)):
            packed = column.total_compressed_size < column.total_uncompressed_size
            assert packed == (column.compression == "SNAPPY"), column.path_in_schema
            codecs.add(column.compression)
    assert codecs == {"SNAPPY", "UNCOMPRESSED"}


def inspect(path):
    """The answer of `leat inspect --json`, by column; the text is asked for as well."""
    shown = subprocess.run([harness.LEAT, "inspect", path], capture_output=True, text=True, check=True).stdout
    run = subprocess.run([harness.LEAT, "inspect", path, "--json"], capture_output=True, text=True, check=True)
    found = json.loads(run.stdout)
    columns = {".".join(c["path"]): c for c in found["row_groups"][0]["columns"]}
    assert all(e["name"] in shown for e in found["schema"])
    return found, columns


EXTREMES = {
    "uint64": ("INT64 (UINT64)", "0", "18446744073709551615"),
    "int8": ("INT32 (INT8)", "-128", "127"),
    "dec7_2": ("INT32 (DECIMAL 7,2)", "-99999.99", "99999.99"),
    "dec76_20": ("FIXED_LEN_BYTE_ARRAY(32) (DECIMAL 76,20)", f"-{'9' * 56}.{'9' * 20}", f"{'9' * 56}.{'9' * 20}"),
    "date": ("INT32 (DATE)", "0001-01-01", "9999-12-31"),
    "time": ("INT64 (TIME MICROS)", "00:00:00", "23:59:59.999999"),
    "timestamptz": ("INT64 (TIMESTAMP MICROS UTC)", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"),
    "uuid": ("FIXED_LEN_BYTE_ARRAY(16) (UUID)", str(uuid.UUID(int=0)), str(uuid.UUID(int=(1 << 128) - 1))),
}


def test_inspect_shows_every_type(tmp_path):
    found, columns = inspect(write(tmp_path / "t.parquet", 3000, "--groups", "2"))
    assert found["rows"] == 3000 and len(found["row_groups"]) == 2
    assert [e["name"] for e in found["schema"] if e["depth"] == 1] == NAMES
    assert {name: (c["type"], c["min"], c["max"]) for name, c in columns.items() if name in EXTREMES} == EXTREMES
    assert columns["float64"]["nans"] == sum(i % 11 == 2 and i % 7 != NAMES.index("float64") % 7 for i in range(1500))
    assert columns["text"]["max_exact"] is False and columns["text"]["min_exact"] is True
    assert columns["color"]["encodings"] == ["PLAIN", "RLE", "RLE_DICTIONARY"]
    assert not columns["interval"]["column_index"] and columns["interval"]["offset_index"]


def test_inspect_shows_a_file_of_pyarrow(tmp_path):
    table = pa.table(
        {
            "ms": pa.array([0, 1700000000000, -1], pa.timestamp("ms")),
            "ns": pa.array([0, 1700000000000000001, -1], pa.timestamp("ns", "UTC")),
            "price": pa.array([Decimal("1.50"), None, Decimal("-3.25")], pa.decimal128(12, 2)),
            "delta": pa.array([1, 2, 255], pa.uint8()),
            "text": pa.array(["b\n", "ü", "\x1b[31m"], pa.large_string()),
            "map": pa.array([[("a", 1)], [], None], pa.map_(pa.string(), pa.int64())),
        }
    )
    codecs = {"ms": "GZIP", "ns": "BROTLI", "price": "LZ4", "delta": "SNAPPY", "text": "NONE"}
    encodings = {"delta": "DELTA_BINARY_PACKED", "text": "DELTA_BYTE_ARRAY"}
    path = tmp_path / "pyarrow.parquet"
    pq.write_table(table, path, compression=codecs, use_dictionary=["ms"], column_encoding=encodings)
    found, columns = inspect(path)
    assert found["created_by"].startswith("parquet-cpp-arrow")
    assert [columns[n]["codec"] for n in codecs] == ["gzip", "brotli", "lz4_raw", "snappy", "none"]
    assert "DELTA_BINARY_PACKED" in columns["delta"]["encodings"]
    assert columns["ms"]["max"] == "2023-11-14T22:13:20" and columns["ns"]["max"] == "1700000000000000001"
    assert (columns["price"]["min"], columns["price"]["nulls"]) == ("-3.25", 1)
    assert columns["text"]["min"] == "\\x1b[31m", "what steers a terminal is shown, not sent"
    pq.write_table(table.drop(["ns"]), path, version="1.0", use_deprecated_int96_timestamps=True, store_schema=False)
    _, columns = inspect(path)
    assert columns["ms"]["type"] == "INT96" and columns["delta"]["max"] == "255"


def test_inspect_shows_a_file_of_duckdb(tmp_path):
    path = tmp_path / "duckdb.parquet"
    duckdb.sql(
        "COPY (SELECT i::INTEGER AS i, i::VARCHAR AS s, interval (i) day AS iv, 1.5::DECIMAL(20,3) AS d, [i, i] AS l, "
        f"{{'x': i}} AS st, true AS b FROM range(5) r(i)) TO '{path}' (FORMAT parquet, PARQUET_VERSION v2)"
    )
    found, columns = inspect(path)
    assert found["rows"] == 5 and found["created_by"].startswith("DuckDB")
    assert (columns["i"]["min"], columns["i"]["max"]) == ("0", "4")
    assert columns["d"]["min"] == "1.500" and columns["b"]["max"] == "true"
    assert {"l.list.element", "st.x", "iv"} <= set(columns)
