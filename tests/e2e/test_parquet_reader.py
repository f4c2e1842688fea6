"""Files of other writers through our Parquet reader, compared value by value with what pyarrow reads in them.

`read_file` (tests/unit/format/read_file.c) prints rows as JSON. `scripts/check` builds it; LEAT_READ_FILE names another
one.
"""

import datetime as dt
import decimal
import json
import math
import os
import pathlib
import random
import subprocess
import uuid

import deltalake
import duckdb
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILT = ROOT / "build-check" / "gcc" / "tests" / "unit" / "format" / "read_file"
PROGRAM = pathlib.Path(os.environ.get("LEAT_READ_FILE", BUILT))


def run(path, *flags):
    return subprocess.run([PROGRAM, path, *flags], capture_output=True, text=True, check=False)


def read(path, *flags):
    done = run(path, *flags)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def refused(path, *flags):
    done = run(path, *flags)
    assert done.returncode == 1, done.stdout[:200]
    return done.stderr


# ---- pyarrow's values in the words of read_file ----


def plain(value, kind):
    if value is None:
        return None
    if pa.types.is_floating(kind):
        if math.isnan(value):
            return "NaN"
        return value if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")
    if pa.types.is_decimal(kind):
        return format(value, "f")
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return value.hex()
    if pa.types.is_map(kind):
        return [[plain(k, kind.key_type), plain(v, kind.item_type)] for k, v in value]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return [plain(v, kind.value_type) for v in value]
    if pa.types.is_struct(kind):
        return {f.name: plain(value[f.name], f.type) for f in kind}
    if isinstance(value, dt.datetime):
        epoch = dt.datetime(1970, 1, 1, tzinfo=value.tzinfo and dt.UTC)
        return (value - epoch) // dt.timedelta(microseconds=1)
    if isinstance(value, dt.date):
        return (value - dt.date(1970, 1, 1)).days
    if isinstance(value, dt.time):
        return ((value.hour * 60 + value.minute) * 60 + value.second) * 1000000 + value.microsecond
    return value


def whole_micros(column):
    """Instants as numbers, so that no year and no nanosecond is out of Python's range."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        column = pa.chunked_array([c.storage for c in column.chunks], type=kind.storage_type)
        kind = column.type
    if pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp("us", tz=kind.tz)).cast(pa.int64())
    if pa.types.is_time(kind):
        return column.cast(pa.time64("us")).cast(pa.int64())
    if pa.types.is_date32(kind):
        return column.cast(pa.int32())
    if pa.types.is_dictionary(kind):
        return column.cast(kind.value_type)
    return column


def as_rows(table):
    columns = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        column = whole_micros(column)
        columns[name] = [plain(v, column.type) for v in column.to_pylist()]
    return [{name: values[i] for name, values in columns.items()} for i in range(table.num_rows)]


def by_pyarrow(path):
    return as_rows(pq.read_table(path))


def check_same(path, *flags, expected=None):
    expected, found = expected or by_pyarrow(path), read(path, *flags)
    assert len(found) == len(expected)
    for i, (a, b) in enumerate(zip(expected, found, strict=True)):
        assert a == b, f"row {i}"
    return len(found)


# ---- tables ----


def sometimes(values, nulls, seed):
    source = random.Random(seed)
    return [None if nulls and source.random() < nulls else v for v in values]


def flat_table(rows=2500, nulls=0.2):
    source = random.Random(7)
    words = ["", "a", "żółć", "some longer text than sixteen bytes", "x" * 300, "日本語"]
    columns = {
        "bool": ([source.random() < 0.3 for _ in range(rows)], pa.bool_()),
        "runs": ([i // 700 % 2 == 0 for i in range(rows)], pa.bool_()),
        "i8": ([i % 256 - 128 for i in range(rows)], pa.int8()),
        "u8": ([i % 256 for i in range(rows)], pa.uint8()),
        "i16": ([source.randrange(-32768, 32768) for _ in range(rows)], pa.int16()),
        "u16": ([source.randrange(65536) for _ in range(rows)], pa.uint16()),
        "i32": ([source.randrange(-(2**31), 2**31) for _ in range(rows)], pa.int32()),
        "u32": ([source.randrange(2**32) for _ in range(rows)], pa.uint32()),
        "i64": ([source.randrange(-(2**63), 2**63) for _ in range(rows)], pa.int64()),
        "u64": ([source.randrange(2**64) for _ in range(rows)], pa.uint64()),
        "grows": ([i * 3 + i % 2 for i in range(rows)], pa.int64()),
        "f32": ([float(source.randrange(1000)) / 8 for _ in range(rows)], pa.float32()),
        "f64": ([source.choice([math.nan, math.inf, -0.0, source.random()]) for _ in range(rows)], pa.float64()),
        "text": ([source.choice(words) + str(i % 50) for i in range(rows)], pa.string()),
        "prefix": ([f"https://example.org/path/{i // 10}/{i}" for i in range(rows)], pa.string()),
        "bytes": ([source.randbytes(source.randrange(40)) for _ in range(rows)], pa.binary()),
        "fixed": ([source.randbytes(7) for _ in range(rows)], pa.binary(7)),
        "date": ([dt.date(1970, 1, 1) + dt.timedelta(days=i * 11) for i in range(rows)], pa.date32()),
        "time_ms": ([dt.time(i % 24, i % 60, 1, 5000) for i in range(rows)], pa.time32("ms")),
        "time_us": ([dt.time(i % 24, i % 60, 1, 5001) for i in range(rows)], pa.time64("us")),
        "time_ns": ([dt.time(i % 24, i % 60, 1, 5002) for i in range(rows)], pa.time64("ns")),
        "at_ms": ([dt.datetime(2020, 1, 1) + dt.timedelta(seconds=i) for i in range(rows)], pa.timestamp("ms")),
        "at_us": (
            [dt.datetime(1900, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=i * 99999) for i in range(rows)],
            pa.timestamp("us", tz="UTC"),
        ),
        "at_ns": ([dt.datetime(2020, 1, 1, 1, 1, 1, i) for i in range(rows)], pa.timestamp("ns")),
        "d5": ([decimal.Decimal(i - 500).scaleb(-2) for i in range(rows)], pa.decimal128(5, 2)),
        "d18": ([decimal.Decimal(source.randrange(10**18)).scaleb(-4) for _ in range(rows)], pa.decimal128(18, 4)),
        "d38": ([decimal.Decimal(source.randrange(10**28)) for _ in range(rows)], pa.decimal128(38, 0)),
        "d60": ([decimal.Decimal(source.randrange(10**27)).scaleb(-9) for _ in range(rows)], pa.decimal256(60, 9)),
        "none": ([None] * rows, pa.int32()),
    }
    arrays = [pa.array(sometimes(values, nulls, i), kind) for i, (values, kind) in enumerate(columns.values())]
    return pa.table(arrays, names=list(columns))


def nested_table(rows=1500):
    source = random.Random(11)

    def some(make, most=4, null=0.15):
        if source.random() < null:
            return None
        return [make() for _ in range(source.randrange(most))]

    def number():
        return None if source.random() < 0.2 else source.randrange(1000)

    def word():
        return None if source.random() < 0.2 else source.choice(["a", "bb", "żółć", "a longer one of them all"])

    def point():
        return None if source.random() < 0.1 else {"x": number(), "words": some(word), "in": {"y": word()}}

    def pairs():
        if source.random() < 0.1:
            return None
        return [(f"k{i}", number()) for i in range(source.randrange(4))]

    point_type = pa.struct(
        [("x", pa.int64()), ("words", pa.list_(pa.string())), ("in", pa.struct([("y", pa.string())]))]
    )
    columns = {
        "numbers": ([some(number) for _ in range(rows)], pa.list_(pa.int32())),
        "deep": ([some(lambda: some(lambda: some(word))) for _ in range(rows)],
                 pa.list_(pa.list_(pa.list_(pa.string())))),
        "point": ([point() for _ in range(rows)], point_type),
        "points": ([some(point, most=6) for _ in range(rows)], pa.list_(point_type)),
        "map": ([pairs() for _ in range(rows)], pa.map_(pa.string(), pa.int64())),
        "maps": ([some(pairs) for _ in range(rows)], pa.list_(pa.map_(pa.string(), pa.int64()))),
        "large": ([[number() for _ in range(500)] if i % 100 == 0 else [] for i in range(rows)],
                  pa.list_(pa.int64())),
        "empty": ([[] for _ in range(rows)], pa.list_(pa.int64())),
        "nothing": ([None] * rows, pa.list_(point_type)),
    }
    return pa.table([pa.array(v, t) for v, t in columns.values()], names=list(columns))


FLAT, NESTED = flat_table(), nested_table()
DENSE = {
    "i32": "DELTA_BINARY_PACKED", "u32": "DELTA_BINARY_PACKED", "i64": "DELTA_BINARY_PACKED",
    "u64": "DELTA_BINARY_PACKED", "i8": "DELTA_BINARY_PACKED", "grows": "DELTA_BINARY_PACKED",
    "date": "DELTA_BINARY_PACKED", "at_us": "DELTA_BINARY_PACKED", "time_ms": "DELTA_BINARY_PACKED",
    "f32": "BYTE_STREAM_SPLIT", "f64": "BYTE_STREAM_SPLIT", "u16": "BYTE_STREAM_SPLIT", "d38": "BYTE_STREAM_SPLIT",
    "fixed": "DELTA_BYTE_ARRAY", "text": "DELTA_LENGTH_BYTE_ARRAY", "bytes": "DELTA_LENGTH_BYTE_ARRAY",
    "prefix": "DELTA_BYTE_ARRAY", "bool": "RLE", "runs": "RLE",
}  # fmt: skip

# ---- pyarrow ----


@pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "brotli", "zstd", "lz4"])
@pytest.mark.parametrize("pages", ["1.0", "2.0"])
def test_every_codec_of_pyarrow_is_read(tmp_path, codec, pages):
    path = tmp_path / "a.parquet"
    pq.write_table(FLAT, path, compression=codec, data_page_version=pages, data_page_size=4096, row_group_size=1000)
    assert check_same(path) == FLAT.num_rows


@pytest.mark.parametrize("pages", ["1.0", "2.0"])
@pytest.mark.parametrize("codec", ["none", "zstd"])
def test_dense_encodings_of_pyarrow_are_read(tmp_path, pages, codec):
    path = tmp_path / "a.parquet"
    pq.write_table(
        FLAT, path, compression=codec, data_page_version=pages, use_dictionary=False, column_encoding=DENSE,
        data_page_size=2000, row_group_size=1300,
    )  # fmt: skip
    check_same(path)
    check_same(path, "--rows-at-once", "77")


@pytest.mark.parametrize("nulls", [0, 0.9])
def test_plain_values_are_read(tmp_path, nulls):
    path = tmp_path / "a.parquet"
    pq.write_table(flat_table(900, nulls), path, use_dictionary=False, data_page_size=500)
    check_same(path)


def test_columns_that_are_required_have_no_levels(tmp_path):
    path = tmp_path / "a.parquet"
    table = flat_table(900, 0).drop(["none"])
    required = pa.schema([f.with_nullable(False) for f in table.schema])
    for pages in "1.0", "2.0":
        pq.write_table(table.cast(required), path, data_page_version=pages)
        check_same(path)


def test_a_dictionary_is_given_up_in_the_middle_of_a_chunk(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(FLAT, path, dictionary_pagesize_limit=600, data_page_size=300, write_batch_size=50)
    check_same(path)
    check_same(path, "--rows-at-once", "13")


def test_files_without_statistics_and_with_checksums_are_read(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(FLAT, path, write_statistics=False, write_page_checksum=True)
    check_same(path)
    pq.write_table(FLAT, path, write_page_index=True, data_page_size=1000, data_page_version="2.0")
    check_same(path)


@pytest.mark.parametrize("version", ["1.0", "2.4", "2.6"])
def test_old_versions_of_the_format_are_read(tmp_path, version):
    path = tmp_path / "a.parquet"
    table = FLAT.drop(["at_ns", "time_ns"]) if version != "2.6" else FLAT
    pq.write_table(table, path, version=version)
    check_same(path)


def test_int96_timestamps_are_instants(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(FLAT.select(["at_us", "at_ns", "at_ms"]), path, use_deprecated_int96_timestamps=True)
    check_same(path)
    pq.write_table(FLAT.select(["at_us"]), path, use_deprecated_int96_timestamps=True, use_dictionary=False)
    check_same(path)


def test_decimals_as_integers_are_read(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(FLAT.select(["d5", "d18", "d38"]), path, store_decimal_as_integer=True)
    check_same(path)


@pytest.mark.parametrize("pages", ["1.0", "2.0"])
@pytest.mark.parametrize("page_bytes", [60, 100000])
@pytest.mark.parametrize("legacy", [False, True])
def test_nested_columns_of_pyarrow_are_read(tmp_path, pages, page_bytes, legacy):
    path = tmp_path / "a.parquet"
    pq.write_table(
        NESTED, path, data_page_version=pages, data_page_size=page_bytes, write_batch_size=64, row_group_size=600,
        use_compliant_nested_type=not legacy,
    )  # fmt: skip
    check_same(path)
    check_same(path, "--rows-at-once", "1")


def test_columns_can_be_chosen_in_any_order(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(NESTED, path, data_page_size=100)
    found = read(path, "--fields", "map,numbers")
    assert [list(row) for row in found[:2]] == [["map", "numbers"]] * 2
    expected = by_pyarrow(path)
    assert found == [{"map": row["map"], "numbers": row["numbers"]} for row in expected]


def test_many_columns_are_read_in_little_memory(tmp_path):
    path = tmp_path / "a.parquet"
    table = pa.table({f"c{i}": pa.array(range(i, i + 100)) for i in range(1600)})
    pq.write_table(table, path)
    check_same(path, "--memory", "64000000")


def test_an_empty_table_is_read(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(FLAT.slice(0, 0), path)
    assert check_same(path) == 0


def test_nanoseconds_that_are_no_microseconds_are_refused(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"at": pa.array([1001], pa.timestamp("ns"))}), path)
    message = refused(path)
    assert "whole number of microseconds" in message and '"at"' in message


def test_half_floats_are_refused_by_name(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"h": pa.array([1.0], pa.float16())}), path)
    message = refused(path)
    assert "FLOAT16" in message and '"h"' in message


def test_uuids_and_json_are_read(tmp_path):
    path = tmp_path / "a.parquet"
    values = [uuid.UUID(int=i * 7919).bytes for i in range(50)]
    table = pa.table({"id": pa.ExtensionArray.from_storage(pa.uuid(), pa.array(values, pa.binary(16)))})
    pq.write_table(table, path)
    check_same(path)
    assert "id: uuid" in run(path, "--schema").stdout


# ---- Polars, DuckDB, deltalake ----


@pytest.mark.parametrize("codec", ["uncompressed", "snappy", "gzip", "zstd", "lz4"])
def test_files_of_polars_are_read(tmp_path, codec):
    path = tmp_path / "a.parquet"
    table = pa.concat_tables([FLAT.drop(["time_ns", "d60", "fixed"]).slice(0, 1500)]).append_column(
        "points", NESTED["points"]
    )
    frame = polars.from_arrow(table.append_column("numbers", NESTED["numbers"]))
    frame.write_parquet(path, compression=codec, row_group_size=400, data_page_size=2000)
    check_same(path)


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("codec", ["uncompressed", "snappy", "gzip", "brotli", "zstd", "lz4_raw"])
def test_files_of_duckdb_are_read(tmp_path, version, codec):
    path = tmp_path / "a.parquet"
    flat = FLAT.drop(["d60", "time_ns", "at_ns"]).slice(0, 1500)  # noqa: F841 (DuckDB reads the variable)
    nested = NESTED.drop(["nothing"])  # noqa: F841
    connection = duckdb.connect()
    connection.execute(
        f"COPY (SELECT * FROM flat POSITIONAL JOIN nested) TO '{path}' "
        f"(FORMAT parquet, COMPRESSION {codec}, PARQUET_VERSION {version}, ROW_GROUP_SIZE 2048)"
    )
    # pyarrow refuses the differences of 33 bits that DuckDB writes for int32
    judge = pq.read_table(path) if version == "v1" else connection.read_parquet(str(path)).to_arrow_table()
    check_same(path, expected=as_rows(judge))


def test_checkpoints_of_deltalake_are_read(tmp_path):
    table = pa.table({"day": pa.array([dt.date(2024, 1, d) for d in range(1, 11)]), "n": list(range(10))})
    for _ in range(3):
        deltalake.write_deltalake(tmp_path / "t", table, partition_by=["day"], mode="append")
    delta = deltalake.DeltaTable(tmp_path / "t")
    delta.create_checkpoint()
    (path,) = (tmp_path / "t" / "_delta_log").glob("*.checkpoint.parquet")
    assert check_same(path) >= 30
