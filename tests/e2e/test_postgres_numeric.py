"""numeric without precision: text, or the decimal that its values ask for."""

import decimal

import harness
import pytest
from postgres_shop import rows, table, write_job

pytestmark = pytest.mark.skipif(not harness.LEAT.exists(), reason=f"no {harness.LEAT}")

D = decimal.Decimal


def job(shop, server, schema, words="mode: full-refresh", scan=", numeric: scan"):
    write_job(shop, server.url(), f"{schema}.t: {{{words}}}", scan)


def types(shop, schema):
    return {f.name: str(f.type) for f in table(shop, schema, "t").schema}


def test_a_scan_gives_the_decimal_that_the_values_need(shop, server, schema):
    server.sql(f"CREATE TABLE {schema}.t (id int, small numeric, wide numeric, huge numeric, nan numeric, none numeric, kept numeric);"
               f"INSERT INTO {schema}.t VALUES (1, -999999999999.125, {'9' * 20}.5, {'9' * 80}, 1, NULL, 7), (2, 0.5, 1, 1, 'NaN', NULL, 7)")
    job(shop, server, schema, "mode: full-refresh, columns: {kept: {type: 'decimal(5,1)'}}")
    result = shop.run()
    assert types(shop, schema) == {"id": "int32", "small": "decimal128(18, 3)", "wide": "decimal128(38, 1)", "huge": "string", "nan": "string",
                                   "none": "string", "kept": "decimal128(5, 1)"}
    assert rows(shop, schema, "t", "small", "huge", "nan") == [
        (D("-999999999999.125"), "9" * 80, "1"), (D("0.500"), "1", "NaN")]
    assert any("at most 12 digits before and 3 behind the point" in note for note in result.stream()["notes"]), result


def test_without_a_scan_it_is_text(shop, server, schema):
    server.sql(f"CREATE TABLE {schema}.t (n numeric); INSERT INTO {schema}.t VALUES (1.50)")
    job(shop, server, schema, scan="")
    shop.run()
    assert rows(shop, schema, "t", "n") == [("1.50",)]


def test_nan_follows_the_policy_of_a_scanned_column(shop, server, schema):
    server.sql(f"CREATE TABLE {schema}.t (n numeric); INSERT INTO {schema}.t VALUES (1.5), ('NaN')")
    job(shop, server, schema, "mode: full-refresh, columns: {n: {on_error: 'null'}}")
    assert shop.run().stream()["values_null"] == 1
    assert rows(shop, schema, "t", "n") == [(D("1.5"),), (None,)]


@pytest.mark.parametrize("mode", ["incremental, update_key: id", "full-refresh"])
def test_the_type_of_the_first_scan_stays(shop, server, schema, mode):
    server.sql(f"CREATE TABLE {schema}.t (id bigserial, n numeric); INSERT INTO {schema}.t (n) VALUES (1.25)")
    job(shop, server, schema, f"mode: {mode}")
    shop.run()
    server.sql(f"INSERT INTO {schema}.t (n) VALUES (2.5)")  # a scan of this alone would say one digit
    shop.run()
    assert rows(shop, schema, "t", "n") == [(D("1.25"),), (D("2.50"),)]
    server.sql(f"INSERT INTO {schema}.t (n) VALUES (0.125)")
    refused = shop.run(expect=harness.FAILED).stream()["error"]["message"]
    assert "0.125 does not fit decimal(18,2)" in refused and '"n"' in refused, refused
    assert types(shop, schema)["n"] == "decimal128(18, 2)"
    shop.run("--mode", "full-refresh", "--accept-schema")
    assert types(shop, schema)["n"] == "decimal128(18, 3)"
    assert len(rows(shop, schema, "t", "n")) == 3


def test_a_query_is_scanned_too(shop, server, schema):
    server.sql(f"CREATE TABLE {schema}.a (n numeric(10,2)); INSERT INTO {schema}.a VALUES (1.25), (2)")
    write_job(shop, server.url(), f"t: {{mode: full-refresh, query: 'SELECT sum(n) AS total FROM {schema}.a'}}", ", numeric: scan")
    shop.run()
    assert rows(shop, ".", "t", "total") == [(D("3.25"),)]
