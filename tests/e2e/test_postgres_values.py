"""Values of a PostgreSQL that are large, or of types that nobody here knows."""

import hashlib
import json

import duckdb
import harness
import pyarrow.parquet
import pytest
from postgres_shop import rows, write_job

pytestmark = pytest.mark.skipif(not harness.LEAT.exists(), reason=f"no {harness.LEAT}")

MB = 10**6


def load(shop, server, stream, memory, words="mode: full-refresh", expect=harness.PUBLISHED):
    write_job(shop, server.url(), f"{stream}: {{{words}}}")
    return shop.run("--memory", memory, expect=expect)


def refusal(shop, server, stream, words="mode: full-refresh"):
    result = load(shop, server, stream, "64MB", words, expect=harness.FAILED)
    assert not list(shop.lake.rglob("*.parquet"))
    return result.json["streams"][0]["error"]["message"]


# ---- large ones ----


def test_values_of_50_megabytes_are_what_the_server_has(shop, server, schema):
    server.sql(f"""
        CREATE TABLE {schema}.t (id int PRIMARY KEY, words text, raw bytea);
        INSERT INTO {schema}.t SELECT i, CASE WHEN i % 2 = 0 THEN md5(i::text) END, sha256(i::text::bytea) FROM generate_series(1, 3000) i;
        INSERT INTO {schema}.t SELECT 5000, string_agg('ü' || md5(i::text), ''), NULL FROM generate_series(1, 1500000) i;
        INSERT INTO {schema}.t SELECT 5001, 'small', string_agg(sha256(i::text::bytea), '') FROM generate_series(1, 1570000) i;
        INSERT INTO {schema}.t SELECT 5002, repeat('x', 51000000), NULL
        """)
    report = load(shop, server, f"{schema}.t", "256MB").json
    assert report["peak_memory_bytes"] <= (256 + 64) * MB, report
    expected = sorted(server.query(f"SELECT id, md5(words), length(words), md5(raw), length(raw) FROM {schema}.t"))
    assert max(r[2] or 0 for r in expected) > 50 * MB and max(r[4] or 0 for r in expected) > 50 * MB
    paths = [str(path) for path in (shop.lake / schema / "t").rglob("*.parquet")]
    by_arrow = []
    for path in paths:
        data = pyarrow.parquet.ParquetFile(path, page_checksum_verification=True)
        for batch in data.iter_batches(batch_size=64):
            for row in batch.to_pylist():
                words, raw = row["words"], row["raw"]
                by_arrow.append((row["id"], words and hashlib.md5(words.encode()).hexdigest(), words and len(words),
                                 raw and hashlib.md5(raw).hexdigest(), raw and len(raw)))
    assert sorted(by_arrow) == expected
    by_duckdb = duckdb.sql(f"SELECT id, md5(words), length(words), md5(raw), octet_length(raw) FROM read_parquet({paths})").fetchall()
    assert sorted(by_duckdb) == expected


# ---- too large ones ----


def test_a_value_over_a_third_of_the_budget_is_named_by_its_primary_key(shop, server, schema):
    server.sql(f"CREATE TABLE {schema}.t (first text, raw bytea, b text, a int, PRIMARY KEY (a, b));"
               f"INSERT INTO {schema}.t SELECT 'f', 'small', 'k' || i, i FROM generate_series(1, 50) i;"
               f"INSERT INTO {schema}.t VALUES ('f', convert_to(repeat('x', 24000000), 'UTF8'), 'k''s', 4711)")
    said = refusal(shop, server, f"{schema}.t")
    assert f'table {schema}.t: column "raw" holds a value of 24.0 MB (24000000 bytes)' in said, said
    assert """in the row with the primary key "a" = 4711, "b" = k's; the limit is 21.3 MB""" in said and "--memory" in said, said
    said = refusal(shop, server, f"{schema}.t", "mode: full-refresh, primary_key: [b]")
    assert """the primary key "b" = k's;""" in said, said


def test_without_a_primary_key_the_first_column_and_the_blocks_tell_the_row(shop, server, schema):
    server.sql(f"CREATE TABLE {schema}.t (first text, raw bytea, a int PRIMARY KEY);"
               f"INSERT INTO {schema}.t VALUES ('one', convert_to(repeat('x', 24000000), 'UTF8'), 4711)")
    for words in ("mode: full-refresh, select: [first, raw]", "mode: full-refresh, select: [raw, first]"):
        said = refusal(shop, server, f"{schema}.t", words)
        assert "in a row whose first column is" in said and "(no primary key is read; it is in " in said, said
        assert len(said) < 1000, said


def test_a_value_larger_than_all_of_the_memory_is_named_as_well(shop, server, schema):
    server.sql(f"CREATE TABLE {schema}.before (a int PRIMARY KEY, raw bytea); CREATE TABLE {schema}.behind (raw bytea, a int PRIMARY KEY);"
               f"INSERT INTO {schema}.before VALUES (4711, convert_to(repeat('x', 90000000), 'UTF8'));"
               f"INSERT INTO {schema}.behind SELECT raw, a FROM {schema}.before")
    said = refusal(shop, server, f"{schema}.before")
    assert 'column "raw" holds a value of 90.0 MB' in said and 'in the row with the primary key "a" = 4711;' in said, said
    said = refusal(shop, server, f"{schema}.behind")
    assert 'column "raw" holds a value of 90.0 MB' in said and "in a row (its primary key comes behind that value; it is in" in said, said


# ---- types of extensions ----

# extension, type, SQL of values
EXTENSIONS = [
    ("hstore", "hstore", ["'a=>1, b=>NULL'", "''"]),
    ("citext", "citext", ["'Straße'"]),
    ("cube", "cube", ["'(1, 2), (3, 4.5)'"]),
    ("seg", "seg", ["'1.50 .. 2'", "'~6.50'"]),
    ("ltree", "ltree", ["'Top.Science.Astronomy'"]),
    ("ltree", "lquery", ["'Top.*{0,2}.!x@'"]),
    ("isn", "isbn13", ["'978-0-393-04002-9'"]),
    ("isn", "ean13", ["'978-0-393-04002-9'"]),
    ("intarray", "query_int", ["'1 & (2 | !3)'"]),
    ("lo", "lo", ["12345"]),
]


def test_types_of_extensions_are_what_the_server_writes(shop, server, schema):
    there = {name for (name,) in server.query("SELECT name FROM pg_available_extensions")}
    known = [row for row in EXTENSIONS if row[0] in there]
    if not known:
        pytest.skip("this server comes without extensions")
    server.sql("".join(f"CREATE EXTENSION {name} SCHEMA {schema};" for name in dict.fromkeys(row[0] for row in known)))
    columns = ", ".join(f"c{i} {schema}.{kind}" for i, (_, kind, _) in enumerate(known))
    server.sql(f"CREATE TABLE {schema}.t (id int, {columns}); INSERT INTO {schema}.t VALUES (0)")
    for i, (_, kind, values) in enumerate(known):
        for value in values:
            server.sql(f"SET search_path = {schema}; INSERT INTO t (id, c{i}) VALUES ({i + 1}, {value}::{kind})")
    names = ["id"] + [f"c{i}" for i in range(len(known))]
    load(shop, server, f"{schema}.t", "64MB")
    expected = server.query("SELECT " + ", ".join(f"{name}::text" for name in names) + f" FROM {schema}.t")
    assert [(str(r[0]), *map(lambda v: v if v is None else str(v), r[1:])) for r in rows(shop, schema, "t", *names)] \
        == sorted(expected, key=lambda r: repr((int(r[0]), *r[1:])))


def test_a_base_type_without_a_binary_form_is_text(shop, server, schema):
    """One that has none at all: COPY in binary would fail on it."""
    server.sql(f"""
        CREATE TYPE {schema}.odd;
        CREATE FUNCTION {schema}.odd_in(cstring) RETURNS {schema}.odd LANGUAGE internal IMMUTABLE STRICT AS 'textin';
        CREATE FUNCTION {schema}.odd_out({schema}.odd) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
        CREATE TYPE {schema}.odd (INPUT = {schema}.odd_in, OUTPUT = {schema}.odd_out, INTERNALLENGTH = VARIABLE);
        CREATE TABLE {schema}.t (id int, o {schema}.odd, os {schema}.odd[]);
        INSERT INTO {schema}.t VALUES (1, 'a''b', ARRAY['x', 'y z', NULL]::{schema}.odd[]), (2, NULL, NULL)
        """)
    report = load(shop, server, f"{schema}.t", "64MB").stream()
    assert 'column "o"' in json.dumps(report["notes"], ensure_ascii=False).replace('\\"', '"'), report
    assert [r[:2] for r in rows(shop, schema, "t", "id", "o")] == [(1, "a'b"), (2, None)]
    assert str(rows(shop, schema, "t", "id", "os")[0][1]) in ("['x', 'y z', None]", '{x,"y z",NULL}')
