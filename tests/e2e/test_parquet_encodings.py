"""Every type in every encoding it can have, with each codec and both versions of pages, read back value by value.

The files are those of `write_types`; see test_parquet_types.py, whose formulas judge them here as well.
"""

import functools
import math

import duckdb
import pyarrow.parquet as pq
import pytest
from test_parquet_types import NAMES, expected, plain, write

ROWS = 900  # nine pages
ENCODINGS = ["auto", "plain", "dictionary", "delta", "delta_strings", "split"]
PROFILES = ["compatible", "dense"]
CODECS = ["none", "zstd:3", "snappy", "gzip", "lz4_raw"]

# by physical type; what is not here can't have the encoding and is left as the profile has it
WRITTEN = {
    ("plain", "BOOLEAN"): "PLAIN",
    **{("plain", p): "PLAIN" for p in ("INT32", "INT64", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY")},
    ("delta", "INT32"): "DELTA_BINARY_PACKED",
    ("delta", "INT64"): "DELTA_BINARY_PACKED",
    ("delta", "BYTE_ARRAY"): "DELTA_LENGTH_BYTE_ARRAY",
    ("delta_strings", "BYTE_ARRAY"): "DELTA_BYTE_ARRAY",
    ("delta_strings", "FIXED_LEN_BYTE_ARRAY"): "DELTA_BYTE_ARRAY",
    **{("split", p): "BYTE_STREAM_SPLIT" for p in ("INT32", "INT64", "FLOAT", "DOUBLE", "FIXED_LEN_BYTE_ARRAY")},
}


@functools.cache
def wanted(name, rows=ROWS, nulls="some"):
    return plain(expected(name, rows, nulls))


def written(path, encoding, profile, codec, *arguments, rows=ROWS):
    return write(
        path, rows, "--compression", codec, "--page-rows", "100", "--columns", f"encoding={encoding}",
        "--set", f"encoding={profile}", *arguments,
    )  # fmt: skip


def leaves(path):
    metadata = pq.ParquetFile(path).metadata
    for g in range(metadata.num_row_groups):
        group = metadata.row_group(g)
        yield from (group.column(c) for c in range(group.num_columns))


def check_duckdb(path, encoding, rows=ROWS, nulls="some"):
    special = {"dec50_5", "dec76_20", "interval", "timestamptz", "map"}  # other types there; test_parquet_types.py has them
    names = [n for n in NAMES if n not in special]
    if encoding == "split":  # DuckDB 1.5 reads it of floating point alone
        names = ["bool", "float32", "float64", "text", "binary", "json", "color", "texts"]
    listed = ", ".join(f'"{n}"' for n in names)
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1")  # rows in the order of the file
        found = connection.sql(f"SELECT {listed} FROM '{path}'").fetchall()
    for k, name in enumerate(names):
        assert plain([row[k] for row in found]) == wanted(name, rows, nulls), name


def check_pyarrow(path, rows=ROWS, nulls="some"):
    table = pq.ParquetFile(path, page_checksum_verification=True).read()
    table.validate(full=True)
    for name in NAMES:
        assert plain(table[name].to_pylist()) == wanted(name, rows, nulls), name


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_combination_gives_every_value(tmp_path, encoding, profile, codec):
    path = written(tmp_path / "t.parquet", encoding, profile, codec)
    check_pyarrow(path)
    check_duckdb(path, encoding)
    name = codec.split(":")[0].upper().replace("NONE", "UNCOMPRESSED").replace("LZ4_RAW", "LZ4")
    for leaf in leaves(path):
        assert leaf.compression in (name, "UNCOMPRESSED"), leaf.path_in_schema
        assert leaf.total_compressed_size <= leaf.total_uncompressed_size, leaf.path_in_schema


@pytest.mark.parametrize("rows,nulls", [(1, "none"), (2, "all"), (700, "none"), (700, "all")])
@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_pages_without_values_and_without_nulls(tmp_path, encoding, profile, rows, nulls):
    path = written(tmp_path / "t.parquet", encoding, profile, "zstd", "--nulls", nulls, "--groups", "2", rows=rows)
    check_pyarrow(path, rows, nulls)
    check_duckdb(path, encoding, rows, nulls)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_footer_lists_the_encodings_that_there_are(tmp_path, encoding, profile):
    path = written(tmp_path / "t.parquet", encoding, profile, "zstd")
    seen = set()
    for leaf in leaves(path):
        found = set(leaf.encodings)
        seen |= found
        assert ("PLAIN" in found) == (leaf.has_dictionary_page or found == {"RLE", "PLAIN"}), leaf.path_in_schema
        assert ("RLE_DICTIONARY" in found) == leaf.has_dictionary_page, leaf.path_in_schema
        asked = WRITTEN.get((encoding, leaf.physical_type))
        if asked:
            assert found == {"RLE", asked}, leaf.path_in_schema
    if encoding == "auto" and profile == "compatible":
        assert seen == {"RLE", "PLAIN", "RLE_DICTIONARY"}, "every reader knows these"
    if encoding == "auto" and profile == "dense":
        assert {"DELTA_BINARY_PACKED", "DELTA_BYTE_ARRAY"} <= seen


@pytest.mark.parametrize("profile", PROFILES)
def test_without_statistics_counts_stay(tmp_path, profile):
    path = written(tmp_path / "t.parquet", "auto", profile, "zstd", "--columns", "statistics=false")
    for leaf in leaves(path):
        name = leaf.path_in_schema
        assert not leaf.statistics.has_min_max and not leaf.has_column_index and leaf.has_offset_index, name
        if name in NAMES:
            assert leaf.statistics.null_count == expected(name, ROWS).count(None), name
    check_pyarrow(path)


def is_sorted(values):
    return all(a <= b for a, b in zip(values, values[1:]))


ROWS_SORTED = 500  # row 400 holds 0.0 among others of -0.0
SORTABLE = [n for n in NAMES[: NAMES.index("ints")] if n != "interval"]


@pytest.mark.parametrize("words", ["", " desc", " nulls first", " desc nulls first"])
def test_rows_are_in_the_order_of_every_type(tmp_path, words):
    """NULLs where they are asked for, NaN above all, both zeros equal; rows that are equal stay as they stood."""
    for name in SORTABLE:
        path = write(tmp_path / "t.parquet", ROWS_SORTED, "--set", f"sort_by={name}{words}")
        found = pq.read_table(path, columns=list({"row", name}))
        rows, values = found["row"].to_pylist(), found[name].to_pylist()
        assert sorted(rows) == list(range(ROWS_SORTED)), name
        assert plain(values) == [wanted(name, ROWS_SORTED)[row] for row in rows], name
        nulls = values.count(None)
        present = values[nulls:] if "first" in words else values[: len(values) - nulls]
        assert None not in present, name
        if "desc" in words:
            present = present[::-1]
        nan = sum(isinstance(v, float) and math.isnan(v) for v in present)
        numbers = present[: len(present) - nan]
        if name in ("text", "color", "json"):
            numbers = [v.encode() for v in numbers]
        assert is_sorted(numbers), name
        equal = [(plain(v) if v != 0 else 0, row) for v, row in zip(values, rows)]
        assert all(a[1] < b[1] for a, b in zip(equal, equal[1:]) if a[0] == b[0]), name


def test_a_second_column_decides_between_equal_ones(tmp_path):
    path = write(tmp_path / "t.parquet", 2000, "--nulls", "none", "--set", "sort_by=color desc,text,row desc")
    table = pq.read_table(path, columns=["color", "text", "row"])
    rows = list(zip(*(table[n].to_pylist() for n in table.column_names)))
    key = lambda r: ([-b for b in r[0].encode()] + [1], r[1].encode(), -r[2])  # noqa: E731
    assert rows == sorted(rows, key=key)
    assert pq.ParquetFile(path).metadata.row_group(0).sorting_columns[0].descending
