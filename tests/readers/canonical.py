"""One form for a value, whichever reader or source it comes from.

    integers        int                 decimals     Decimal at the column's scale
    floats          float, "NaN"        booleans     bool
    text            str                 bytes        bytes
    dates           date                NULL         None
    timestamps      datetime: without a zone as it is, with one in UTC
"""

import collections
import datetime
import decimal
import math
import sqlite3

import pyarrow

decimal.getcontext().prec = 80  # the widest decimal has 76 digits

UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1)


def value(of):
    if isinstance(of, float) and math.isnan(of):
        return "NaN"
    if isinstance(of, datetime.datetime):
        return of.astimezone(UTC) if of.tzinfo else of
    if isinstance(of, memoryview):
        return bytes(of)
    return of


def _column(array: pyarrow.ChunkedArray) -> list:
    kind = array.type
    if pyarrow.types.is_dictionary(kind):
        array = array.cast(kind.value_type)
        kind = array.type
    if pyarrow.types.is_timestamp(kind):
        # Through integers: no zone database, no nanosecond surprises, years 1 to 9999.
        zone = UTC if kind.tz else None
        micros = array.cast(pyarrow.timestamp("us", kind.tz)).cast(pyarrow.int64()).to_pylist()
        return [
            None if us is None else (EPOCH + datetime.timedelta(microseconds=us)).replace(tzinfo=zone)
            for us in micros
        ]
    return [value(item) for item in array.to_pylist()]


def rows(table: pyarrow.Table, columns: list[str]) -> list[tuple]:
    if not columns:
        return [()] * table.num_rows
    return list(zip(*[_column(table[name]) for name in columns]))


def from_source(of, kind: pyarrow.DataType):
    """A value as Python's sqlite3 gives it, as a column of the Arrow type KIND must hold it."""
    types = pyarrow.types
    if of is None:
        return None
    if types.is_boolean(kind):
        return bool(of)
    if types.is_decimal(kind):
        return decimal.Decimal(repr(of) if isinstance(of, float) else of).quantize(decimal.Decimal(1).scaleb(-kind.scale))
    if types.is_date(kind):
        return datetime.date.fromisoformat(of)
    if types.is_timestamp(kind):
        when = datetime.datetime.fromisoformat(of)
        if kind.tz:
            return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
        return when
    if types.is_floating(kind):
        return value(float(of))
    return of


def source_rows(sqlite_path, query: str, schema: pyarrow.Schema) -> tuple[list[str], list[tuple]]:
    """Names and rows of QUERY, typed as SCHEMA says."""
    with sqlite3.connect(f"file:{sqlite_path}?mode=ro", uri=True) as connection:
        cursor = connection.execute(query)
        names = [column[0] for column in cursor.description]
        kinds = [schema.field(name).type for name in names]
        found = [tuple(from_source(v, k) for v, k in zip(row, kinds)) for row in cursor]
    connection.close()
    return names, found


def differences(expected: list[tuple], got: list[tuple], names: list[str], at_most: int = 3) -> str:
    """Empty when both are the same multiset, else what a person needs to see."""
    want, have = collections.Counter(expected), collections.Counter(got)
    if want == have:
        return ""
    lines = [f"{len(expected)} rows in the source, {len(got)} in the table; columns {names}"]
    for title, rest in (("missing", want - have), ("too many", have - want)):
        lines.append(f"  {title}: {rest.total()}")
        lines += [f"    {row!r} x{count}" for row, count in list(rest.items())[:at_most]]
    return "\n".join(lines)
