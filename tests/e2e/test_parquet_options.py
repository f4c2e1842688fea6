"""What a job says of its files is in them: encodings, compression, statistics, bloom filters and order, judged by other
programs; and what can't be is refused with its place before the first row."""

import json
import random

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import harness
from readers import log
from test_resume import ROWS as RESUMED_ROWS
from test_resume import dead_at

ROWS = 60_000
USERS = 1_500
COLUMNS = ["id", "user", "kind", "amount", "at", "day", "flag", "note", "price"]


@pytest.fixture
def events(shop):
    """ROWS events in no order; users and kinds repeat, notes don't."""
    rng = random.Random(7)
    shop.sql(
        "CREATE TABLE events (id INTEGER PRIMARY KEY, user TEXT NOT NULL, kind TEXT, amount REAL, at TIMESTAMP, "
        "day DATE, flag BOOLEAN, note TEXT, price DECIMAL(12,2));"
    )
    ids = list(range(ROWS))
    rng.shuffle(ids)
    shop.sql(
        "INSERT INTO events VALUES (?,?,?,?,?,?,?,?,?)",
        [
            (
                i,
                f"user-{rng.randrange(USERS) * 7}",
                rng.choice(["view", "order", "return", None]),
                None if i % 11 == 0 else rng.randrange(1_000_000) / 64,
                f"2024-{i % 12 + 1:02}-{i % 28 + 1:02} {i % 24:02}:00:00",
                f"2024-{i % 2 + 1:02}-01",
                i % 3 == 0,
                f"{rng.getrandbits(64):016x}",
                f"{rng.randrange(100_000) / 100:.2f}",
            )
            for i in ids
        ],
    )
    return shop


def load(shop, words=""):
    """Load `events` with WORDS, the YAML of the stream; the files of the table."""
    shop.write_job("events:\n  mode: full-refresh\n" + "".join(f"  {line}\n" for line in words.splitlines()))
    shop.run()
    return [shop.table("events") / path for path in sorted(log.snapshot(shop.table("events")).files)]


def chunks(files):
    """Every column chunk of the files, by column."""
    found = {}
    for file in files:
        metadata = pq.ParquetFile(file).metadata
        for g in range(metadata.num_row_groups):
            group = metadata.row_group(g)
            for c in range(group.num_columns):
                found.setdefault(group.column(c).path_in_schema, []).append(group.column(c))
    return found


def inspect(shop, file, *flags):
    result = shop.leat("inspect", file, "--json", *flags)
    assert result.code == 0, result
    return json.loads(result.out)


def rows_of(files):
    columns = ", ".join(f'"{column}"' for column in COLUMNS)
    return duckdb.sql(f"SELECT {columns} FROM read_parquet({[str(f) for f in files]}) ORDER BY id").fetchall()


# ---- by column ----


BY_COLUMN = """\
compression: zstd:3
columns:
  user: {encoding: plain, compression: snappy}
  kind: {encoding: dictionary, compression: none, statistics: false}
  amount: {encoding: split, compression: gzip}
  at: {encoding: delta}
  day: {encoding: delta, compression: lz4_raw}
  note: {encoding: delta_strings}
  price: {type: "decimal(12,2)", encoding: delta}
"""


def test_each_column_is_written_as_it_is_asked(events):
    found = chunks(load(events, BY_COLUMN))
    codecs = {name: {c.compression for c in column} for name, column in found.items()}
    assert codecs["user"] == {"SNAPPY"} and codecs["kind"] == {"UNCOMPRESSED"} and codecs["amount"] == {"GZIP"}
    assert codecs["id"] == {"ZSTD"} and codecs["day"] <= {"LZ4", "UNCOMPRESSED"}
    for name, encoding in {
        "user": "PLAIN",
        "kind": "RLE_DICTIONARY",
        "amount": "BYTE_STREAM_SPLIT",
        "at": "DELTA_BINARY_PACKED",
        "day": "DELTA_BINARY_PACKED",
        "note": "DELTA_BYTE_ARRAY",
        "price": "DELTA_BINARY_PACKED",
    }.items():
        for chunk in found[name]:
            assert encoding in chunk.encodings, (name, chunk.encodings)
            assert chunk.has_dictionary_page == (name == "kind"), name
    for name, column in found.items():
        for chunk in column:
            assert chunk.statistics.has_min_max == (name != "kind"), name
            assert chunk.statistics.has_null_count, "counts stay"


def test_what_is_asked_of_columns_changes_no_value(events):
    before = rows_of(load(events))
    assert rows_of(load(events, BY_COLUMN)) == before
    assert rows_of(load(events, "encoding: dense")) == before


def test_small_columns_in_which_no_compressor_finds_anything_are_stored_as_they_are(shop):
    """Fifty values at random take six bits each; sorted, in turns, or in eight bits, they pack further."""
    rng, n = random.Random(3), 2400
    shop.sql("CREATE TABLE events (id INTEGER PRIMARY KEY, fifty INT, sorted INT, clumps INT, turns INT, many INT, long INT)")
    rows = [(rng.randrange(50), i * 50 // n, i // 8 % 50, i * 7 % 40, rng.choice([0, 0, 0, rng.randrange(200)]), rng.randrange(50) << 40)
            for i in range(n)]  # fmt: skip
    shop.sql("INSERT INTO events VALUES (?,?,?,?,?,?,?)", [(i, *row) for i, row in enumerate(rows)])
    files = load(shop)
    codecs = {name: {c.compression for c in column} for name, column in chunks(files).items()}
    assert codecs["fifty"] == codecs["long"] == {"UNCOMPRESSED"}, codecs
    assert codecs["sorted"] == codecs["clumps"] == codecs["turns"] == codecs["many"] == {"ZSTD"}, codecs
    read = pq.read_table(files[0]).sort_by("id").drop_columns("id")
    assert [tuple(row.values()) for row in read.to_pylist()] == rows


def test_statistics_of_a_stream_and_of_its_columns(events):
    files = load(events, "statistics: false\ncolumns: {id: {statistics: true}}")
    for name, column in chunks(files).items():
        assert all(chunk.statistics.has_min_max == (name == "id") for chunk in column), name
    for add in log.snapshot(events.table("events")).files.values():
        stats = json.loads(add["stats"])
        assert list(stats["minValues"]) == ["id"] and stats["nullCount"]["user"] == 0


# ---- profiles ----


def test_a_dense_file_is_read_by_all_and_smaller(events):
    pl = pytest.importorskip("polars")
    compatible = load(events)
    plain = rows_of(compatible)
    size = sum(f.stat().st_size for f in compatible)
    dense = load(events, "encoding: dense")
    assert sum(f.stat().st_size for f in dense) < size
    assert rows_of(dense) == plain
    table = pa.concat_tables(pq.ParquetFile(f).read() for f in dense).sort_by("id")
    assert [tuple(row.values()) for row in table.select(COLUMNS).to_pylist()] == plain
    frame = pl.concat(pl.read_parquet(f, hive_partitioning=False) for f in dense).sort("id")
    assert frame.select(COLUMNS).rows() == plain
    encodings = {e for column in chunks(dense).values() for chunk in column for e in chunk.encodings}
    assert encodings & {"DELTA_BINARY_PACKED", "DELTA_BYTE_ARRAY", "BYTE_STREAM_SPLIT"}, encodings


# ---- bloom filters ----


def probe(file, column, value):
    """Does some row group's filter let VALUE through?"""
    found = duckdb.execute(
        "SELECT bool_or(NOT bloom_filter_excludes) FROM parquet_bloom_probe(?, ?, ?)", [str(file), column, value]
    )
    return found.fetchone()[0]


def test_no_value_is_missed_by_its_bloom_filter_and_few_others_pass(events):
    (file,) = load(events, "bloom_filter: [user, id]\nbloom_filter_fpp: 2%")
    users = {row[0] for row in events.query("SELECT DISTINCT user FROM events")}
    assert len(users) > USERS * 0.9
    assert all(probe(file, "user", user) for user in users)
    assert all(probe(file, "id", value) for value in range(0, ROWS, 50))
    absent = [f"user-{i}" for i in range(4 * 2500) if f"user-{i}" not in users][:2500]
    passed = sum(probe(file, "user", user) for user in absent)
    assert passed <= 0.035 * len(absent), f"{passed} of {len(absent)} where 2 % were asked for"
    assert passed > 0, "a filter that is never wrong is larger than was asked"
    passed = sum(probe(file, "id", ROWS + 1 + 3 * i) for i in range(2500))
    assert passed <= 0.035 * 2500


def test_bloom_filters_are_where_the_footer_says_also_after_a_copy(events):
    """Many splits and partitions: row groups are copied from segments into files, and their filters with them."""
    files = load(
        events,
        "row_group_rows: 3000\npartition_by: [month(at)]\ncolumns: {user: {bloom_filter: true}, note: {bloom_filter: true}}",
    )
    assert len(files) == 12
    for file in files:
        meta = duckdb.sql(
            "SELECT path_in_schema, bloom_filter_offset, bloom_filter_length FROM "
            f"parquet_metadata('{file}') WHERE bloom_filter_offset IS NOT NULL"
        ).fetchall()
        assert {row[0] for row in meta} == {"user", "note"} and all(row[2] > 0 for row in meta)
        for user, note in duckdb.sql(f"SELECT user, note FROM '{file}' USING SAMPLE 40 ROWS").fetchall():
            assert probe(file, "user", user) and probe(file, "note", note)
        for group in inspect(events, file)["row_groups"]:
            columns = {c["path"][0]: c for c in group["columns"]}
            assert columns["id"]["bloom_filter"] is None and not columns["user"]["damaged"]
            assert 0 < columns["user"]["bloom_filter"]["false_positives"] <= 0.011
            distinct = columns["note"]["bloom_filter"]["distinct_estimate"]
            assert abs(distinct - group["rows"]) < 0.1 * group["rows"] + 5
    note = events.query("SELECT note FROM events WHERE id = 77")[0][0]
    found = duckdb.sql(f"SELECT id FROM read_parquet({[str(f) for f in files]}) WHERE note = '{note}'").fetchall()
    assert found == [(77,)]


# ---- order ----


def test_rows_of_a_group_are_in_the_order_asked_for_and_the_footer_says_so(events):
    files = load(events, "row_group_rows: 20000\nsort_by: [kind desc nulls first, amount, id desc]")
    for file in files:
        parquet = pq.ParquetFile(file)
        names = parquet.schema_arrow.names
        for g in range(parquet.metadata.num_row_groups):
            told = [
                (names[k.column_index], k.descending, k.nulls_first)
                for k in parquet.metadata.row_group(g).sorting_columns
            ]
            assert told == [("kind", True, True), ("amount", False, False), ("id", True, False)]
            rows = [tuple(r.values()) for r in parquet.read_row_group(g).select(["kind", "amount", "id"]).to_pylist()]
            con = duckdb.connect()
            con.execute("CREATE TABLE t (kind VARCHAR, amount DOUBLE, id BIGINT)")
            con.register("arrow_rows", parquet.read_row_group(g).select(["kind", "amount", "id"]))
            sorted_rows = con.sql(
                "SELECT kind, amount, id FROM arrow_rows "
                "ORDER BY kind DESC NULLS FIRST, amount ASC NULLS LAST, id DESC NULLS LAST"
            ).fetchall()
            assert rows == sorted_rows
    assert len(rows_of(files)) == ROWS


def test_order_pays_for_who_looks_for_one_value(events):
    (plain,) = load(events, "page_rows: 2000")
    (ordered,) = load(events, "page_rows: 2000\nsort_by: [note]")

    def share(file):
        (column,) = (c for c in inspect(events, file)["columns"] if c["path"] == ["note"])
        return column["lookup_pages"]["read"] / column["lookup_pages"]["total"]

    assert share(plain) > 0.95 and share(ordered) < 0.2
    shown = events.leat("inspect", ordered).out
    assert "sorted by   note" in shown and "a lookup reads" in shown
    assert max(map(len, shown.splitlines())) <= 100


# ---- inspect ----


def test_inspect_shows_pages_filters_and_dictionaries(events):
    (file,) = load(events, "bloom_filter: [user]\npage_rows: 10000")
    shown = events.leat("inspect", file, "--pages").out
    assert "bloom filter" in shown and "dictionary" in shown and "RLE_DICTIONARY" in shown
    groups = inspect(events, file, "--pages")["row_groups"]
    with open(file, "rb") as data:
        for group in groups:
            for column in group["columns"]:
                pages = column["page_list"]
                assert sum(p["stored_bytes"] for p in pages) == column["stored_bytes"]
                assert [p["kind"] for p in pages[1:]].count("dictionary") == 0 and all(p["checksum"] for p in pages)
                assert sum(p["values"] for p in pages if p["kind"] != "dictionary") == column["values"]
                assert column["pages"] == sum(p["kind"] != "dictionary" for p in pages)
                data.seek(pages[0]["offset"])
                assert data.read(1) == b"\x15", "a page begins with its header"
    user = next(c for c in groups[0]["columns"] if c["path"] == ["user"])
    distinct = events.query("SELECT count(DISTINCT user) FROM events")[0][0]
    if user["dictionary"] and len(groups) == 1:
        assert user["dictionary"]["entries"] == distinct


# ---- mistakes ----

# words of the stream, what of them the message points at, and a part of what it says
MISTAKES = {
    "a column of bloom_filter that is not there": ("bloom_filter: [usr]", "[usr]", "did you mean user?"),
    "a bloom filter of a boolean": ("bloom_filter: [flag]", "[flag]", "boolean"),
    "a bloom filter of a boolean, at the column": ("columns: {flag: {bloom_filter: true}}", "true", "boolean"),
    "a column of sort_by that is not there": ("sort_by: [id, amont desc]", "[id", "did you mean amount?"),
    "a column of sort_by twice": ("sort_by: [id, id desc]", "[id", "twice"),
    "a sort_by of words only": ("sort_by: [desc nulls first]", "[desc", "expected a column"),
    "a share above a half": ("bloom_filter_fpp: 60%", "60%", "50%"),
    "an encoding that a type can't have": ("columns: {note: {encoding: split}}", "split", "delta_strings"),
    "an encoding of integers for a number": ("columns: {amount: {encoding: delta}}", "delta", "split"),
    "a profile for a column": ("columns: {id: {encoding: dense}}", "dense", "expected auto"),
    "a codec of a column": ('columns: {id: {compression: "zstd:77"}}', '"zstd:77"', "zstd:19"),
    "a column that only cuts partitions": (
        "partition_by: [day]\n    columns: {day: {encoding: delta}}",
        "delta",
        "folders' names",
    ),
}


def place_of(text, words):
    before = text[: text.index(words)]
    return f"job.yaml:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}: "


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_with_its_place_before_the_first_row(shop, name, command):
    words, pointed_at, hint = MISTAKES[name]
    shop.sql("CREATE TABLE events (id INTEGER, user TEXT, amount REAL, day DATE, flag BOOLEAN, note TEXT);")
    shop.sql("INSERT INTO events VALUES (1, 'u', 1.5, '2024-01-01', true, 'n');")
    text = f"source: ./shop.db\ntarget: ./lake\nstreams:\n  events:\n    mode: full-refresh\n    {words}\n"
    shop.job.write_text(text)
    result = shop.leat(command, "job.yaml")
    assert result.code == harness.USAGE and place_of(text, pointed_at) in result.err and hint in result.err, result
    assert not shop.lake.exists() or not list(shop.lake.rglob("*.parquet"))


@pytest.mark.parametrize("change", ["encoding: dense", "sort_by: [id desc]"])
def test_files_of_one_version_are_of_one_form(shop, change):
    """A run that died is not continued once the job asks for other files."""
    dead_at(shop, 0.5)
    shop.write_job(
        f"orders:\n  mode: incremental\n  update_key: created_at\n  partition_by: day(created_at)\n  {change}"
    )
    assert shop.run().stream()["rows_read"] == RESUMED_ROWS
