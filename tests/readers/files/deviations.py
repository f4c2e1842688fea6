"""What readers make of values that their own types can't hold. Everything that is not here is read exactly.

One table, for the tests and for docs/types.md: DEVIATIONS[reader][column of extremes.py]. A deviation is tested as well: a
reader that has learnt better makes the test fail, and its line goes.
"""

import dataclasses
import json
import math
import operator
import struct
import typing

from .. import extremes

DAY_NS = 86_400 * 10**9


@dataclasses.dataclass(frozen=True)
class Refuses:
    """The file can't be read when it holds such a column; the reader says PATTERN."""

    pattern: str
    words: str = "refuses the file"


@dataclasses.dataclass(frozen=True)
class Becomes:
    """Every value V is change(V) instead, NULL included."""

    words: str
    change: typing.Callable
    equal: typing.Callable = operator.eq


@dataclasses.dataclass(frozen=True)
class Wrong:
    """The reader answers with other values, by no rule worth writing down."""

    words: str


def _deep(change):
    def each(value):
        if isinstance(value, list):
            return [each(item) for item in value]
        return None if value is None else change(value)

    return each


def _wrap_ns(days):
    nanos = (int(days) * DAY_NS + (1 << 63)) % (1 << 64) - (1 << 63)
    return str(nanos // DAY_NS) if nanos % DAY_NS == 0 else f"{nanos} ns"


def _cut_zeros(digits):
    digits = digits.replace("-", "")
    while digits.endswith("00"):
        digits = digits[:-2]
    return digits


def _interval_bytes(parts):
    return struct.pack("<III", *parts).hex()


def _nearest(v):
    return extremes.f64(float(v))


def nearly_equal(got, want):
    """Doubles that came by way of a product with a power of ten, which rounds once more."""
    if isinstance(got, list) and isinstance(want, list):
        return len(got) == len(want) and all(map(nearly_equal, got, want))
    if got is None or want is None or "nan" in (got, want):
        return got == want
    number, other = (struct.unpack(">d", bytes.fromhex(bits))[0] for bits in (got, want))
    return math.isclose(number, other, rel_tol=1e-15)


double = Becomes("a double", _deep(_nearest), nearly_equal)
double_or_nan = Becomes("a double; NULL becomes NaN", lambda v: "nan" if v is None else _nearest(v), nearly_equal)
its_bytes = Becomes("its 16 bytes", lambda v: v and v.replace("-", ""))
utf8_bytes = Becomes("the bytes of its text", lambda v: None if v is None else v.encode().hex())
signed = Refuses("Cast error", "refuses it: taken for a signed one")
not_in_delta = Refuses("Invalid data type for Delta Lake", "not in a Delta table")
nan_for_null = Becomes("NULL becomes NaN", lambda v: "nan" if v is None else v)
flat_struct = Becomes("a NULL becomes a struct of NULLs", lambda v: v or {"a": None, "b": None})
no_24 = Becomes("24:00:00 becomes NULL", lambda v: None if v == str(extremes.DAY_US) else v)
wraps = Becomes("days outside the years 1678 to 2261 become other days", lambda v: v and _wrap_ns(v))
cut = Becomes("zeros at its end are lost", lambda v: None if v is None else _cut_zeros(v))
parsed = Becomes("parsed; a JSON null becomes NULL", lambda v: None if v in (None, "null") else json.dumps(json.loads(v), ensure_ascii=False))
nothing = Wrong("other values: it reads one level of lists and maps")
too_wide = Refuses("exceeds max precision", "refuses the file: 38 digits at most")

DECIMALS = [name for name in extremes.NAMES if name.startswith("decimal") and name != "decimals"]
WIDE = ["decimal39_1", "decimal76_0", "decimal76_38"]

DEVIATIONS = {
    "pyarrow": {
        "interval": Becomes("its 12 bytes", lambda v: v and _interval_bytes(v)),
    },
    "duckdb": dict.fromkeys(WIDE, double),
    "polars": {
        **dict.fromkeys(WIDE, Refuses("can't decode Decimal128", "refuses the column: 38 digits at most")),
        "time_24": no_24,
        "interval": Refuses("month_day_millisecond_interval"),
        "uuid": its_bytes,
        "json": utf8_bytes,
    },
    "delta-rs": {
        **dict.fromkeys(["uint8", "uint16", "uint32", "uint64", "nested"], signed),
        **dict.fromkeys([*WIDE, "time", "time_24", "interval"], not_in_delta),
        "date_beyond": Refuses("overflowed", "stops: its statistics have no such day"),
        "uuid": its_bytes,
    },
    "fastparquet": {
        **dict.fromkeys(DECIMALS, double_or_nan),
        "decimals": Wrong("the bytes of the numbers"),
        "float32": nan_for_null,
        "float64": nan_for_null,
        "fixed_binary": cut,
        "uuid": cut,
        "date": wraps,
        "date_beyond": wraps,
        "timestamp_beyond": Becomes("the smallest number becomes NULL", lambda v: None if v == str(-(1 << 63)) else v),
        "interval": Refuses("boolean array indexing"),
        "json": parsed,
        "pair": flat_struct,
        **dict.fromkeys(["lists", "points", "map_of_lists", "nested"], nothing),
    },
    "spark": {
        **dict.fromkeys(WIDE, too_wide),
        "interval": Refuses("INTERVAL"),
        "uuid": Refuses("UUID"),
    },
    "parquet-java": {},
    "hyparquet": {
        **dict.fromkeys([*DECIMALS, "decimals"], double),
        "interval": Refuses("interval not supported"),
    },
}  # fmt: skip


def refused(reader) -> list:
    return [name for name, what in DEVIATIONS[reader].items() if isinstance(what, Refuses)]


# Readers that can't read a whole profile of files: pages V2 with NULLs in them, and deltas.
PROFILES = {("fastparquet", "dense"): Refuses("could not be broadcast", "reads no file of the dense profile")}
