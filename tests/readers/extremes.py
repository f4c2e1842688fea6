"""Every type of leat with its extremes, in the form that all readers are compared in.

    bool                        True, False
    integers                    "-128"
    date, time, timestamp       "-719162": days, microseconds
    float32, float64            "7f800000": the bits; "nan" for every NaN
    decimal, uuid, text, json   their text
    binary, fixed_binary        hex digits
    interval                    [months, days, milliseconds]
    list, map                   [element...], [[key, value]...]
    struct                      {name: value}
    NULL                        None

Columns repeat their values, each with its own period, so that pages hold runs, dictionaries and every neighbourhood.
"""

import dataclasses
import json
import struct

ROWS = 300
MEGABYTE = 1 << 20
DAY_US = 86_400_000_000
FIRST_DAY, LAST_DAY = -719162, 2932896  # 0001-01-01, 9999-12-31
FIRST_US, LAST_US = FIRST_DAY * DAY_US, (LAST_DAY + 1) * DAY_US - 1


@dataclasses.dataclass
class Field:
    name: str
    type: str
    children: tuple = ()
    required: bool = False

    def as_json(self):
        return {
            "name": self.name,
            "type": self.type,
            "required": self.required,
            "children": [child.as_json() for child in self.children],
        }


@dataclasses.dataclass
class Column:
    field: Field
    values: list

    @property
    def name(self):
        return self.field.name

    def rows(self, n=ROWS):
        return [self.values[i % len(self.values)] for i in range(n)]


def f32(number):
    return "nan" if number != number else struct.pack(">f", number).hex()


def f64(number):
    return "nan" if number != number else struct.pack(">d", number).hex()


def _flat(name, kind, values, null=True):
    return Column(Field(name, kind), [*values, None] if null else values)


def _integers(bits, signed):
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    near = [low + 1, high - 1, 1, 5, 7, -1 if signed else 100]
    return _flat(f"{'' if signed else 'u'}int{bits}", f"{'' if signed else 'u'}int{bits}", [str(v) for v in [low, high, 0, *near]])


def _floats(name, pack, largest, least, subnormal):
    inf = float("inf")
    values = [0.0, -0.0, inf, -inf, float("nan"), largest, -largest, least, subnormal, -subnormal, 0.1, 1.5, -3.0]
    return _flat(name, name, [pack(v) for v in values])


def _decimal(precision, scale):
    def text(unscaled):
        digits = str(abs(unscaled)).rjust(scale + 1, "0")
        whole, places = digits[: len(digits) - scale], digits[len(digits) - scale :]
        return ("-" if unscaled < 0 else "") + whole + ("." + places if scale else "")

    nines = 10**precision - 1
    values = [nines, -nines, 0, 1, -1, nines // 7, -(nines // 3), 10 ** (precision - 1)]
    return _flat(f"decimal{precision}_{scale}", f"decimal({precision},{scale})", [text(v) for v in values])


ELEMENT = "element"


def _list(name, element):
    return Field(name, "list", (dataclasses.replace(element, name=ELEMENT),))


def _map(name, key, value):
    pair = (dataclasses.replace(key, name="key", required=True), dataclasses.replace(value, name="value"))
    return Field(name, "map", (Field("key_value", "struct", pair, required=True),))


INT, TEXT, DECIMAL = Field("", "int64"), Field("", "text"), Field("", "decimal(38,10)")
POINT = Field("", "struct", (Field("x", "int32"), Field("label", "text")))
LOW, HIGH = str(-(1 << 63)), str((1 << 63) - 1)

COLUMNS = [
    Column(Field("row", "int64", required=True), [str(i) for i in range(ROWS)]),
    _flat("bool", "bool", [True, False, False]),
    *[_integers(bits, signed) for signed in (True, False) for bits in (8, 16, 32, 64)],
    _floats("float32", f32, 3.4028234663852886e38, 1.1754943508222875e-38, 1e-45),
    _floats("float64", f64, 1.7976931348623157e308, 2.2250738585072014e-308, 5e-324),
    *[_decimal(p, s) for p, s in [(1, 0), (9, 2), (9, 9), (18, 0), (18, 6), (19, 0), (38, 0), (38, 10), (39, 1), (76, 0), (76, 38)]],
    _flat("text", "text", ["", "a", "Zürich żółć 東京 🜁", "\x00", "line\nbreak\t\"quoted\" \\", "NULL", "x" * 5000, "a" * 64 + "é"]),
    Column(Field("long_text", "text"), ["y" if i != 7 else "0123456789abcdéf" * (MEGABYTE // 17) for i in range(ROWS)]),
    _flat("binary", "binary", ["", "00", "ff" * 100, "c3", "0061ff"]),
    _flat("fixed_binary", "fixed_binary(5)", ["0000000000", "ffffffffff", "80007f00ff"]),
    _flat("date", "date", [str(d) for d in (FIRST_DAY, LAST_DAY, 0, -1, 15000, 18321)]),
    _flat("date_beyond", "date", [str(d) for d in (FIRST_DAY - 1, LAST_DAY + 1, -2440588, (1 << 31) - 1, -(1 << 31), 15000)]),
    _flat("time", "time", [str(t) for t in (0, 1, DAY_US - 1, 12 * 3600 * 10**6)]),
    _flat("time_24", "time", [str(DAY_US), "0"]),
    _flat("timestamp", "timestamp", [str(t) for t in (FIRST_US, LAST_US, 0, -1, 1385849700123456)]),
    _flat("timestamp_utc", "timestamptz", [str(t) for t in (FIRST_US, LAST_US, 0, -1, 1385849700123456)]),
    _flat("timestamp_beyond", "timestamp", [str(t) for t in (FIRST_US - 1, LAST_US + 1, (1 << 63) - 1, -(1 << 63), 0)]),
    _flat("interval", "interval", [[0, 0, 0], [1, 2, 3], [(1 << 31) - 1, (1 << 31) - 1, (1 << 32) - 1], [0, 0, 86_400_000]]),
    _flat("uuid", "uuid", ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"]),
    _flat("json", "json", ['{"a": [1, null, "é"]}', "null", '""', "[]"]),
    _flat("all_null", "text", []),
    Column(_list("ints", INT), [[], None, [None], [LOW, HIGH], [None, "0", None], ["1"]]),
    Column(_list("texts", TEXT), [["", "é", None], [], None, ["x" * 300]]),
    Column(_list("decimals", DECIMAL), [["9999999999999999999999999999.9999999999", "0.0000000001"], None, [], [None]]),
    Column(Field("pair", "struct", (Field("a", "int64"), Field("b", "text"))),
           [{"a": LOW, "b": ""}, None, {"a": None, "b": None}, {"a": HIGH, "b": "é"}]),
    Column(_map("map", TEXT, INT), [[], None, [["", None]], [["k", HIGH], ["é", LOW]], [["x" * 100, "0"]]]),
    Column(_list("lists", _list("", INT)), [[[]], None, [], [None], [[], None, [None], ["1", None, "2"]], [[HIGH]]]),
    Column(_list("points", POINT), [[{"x": "1", "label": "p"}, None, {"x": None, "label": None}], [], None, [None]]),
    Column(_map("map_of_lists", TEXT, _list("", TEXT)), [[["a", []], ["b", None]], [], None, [["c", [None, "é", ""]]]]),
    Column(Field("nested", "struct", (_list("list", INT), Field("in", "struct", (Field("d", "date"), Field("u", "uint32"))))),
           [{"list": [], "in": None}, None, {"list": None, "in": {"d": None, "u": str((1 << 32) - 1)}},
            {"list": [None, "3"], "in": {"d": str(LAST_DAY), "u": None}}]),
]  # fmt: skip

NAMES = [column.name for column in COLUMNS]
FIELDS = {column.name: column.field for column in COLUMNS}
EXPECTED = {column.name: column.rows() for column in COLUMNS}


def document() -> str:
    """For write_values. A NaN has bits there."""

    def bits(column):
        if column.field.type in ("float32", "float64"):
            quiet = "7fc00000" if column.field.type == "float32" else "7ff8000000000000"
            return [quiet if v == "nan" else v for v in column.rows()]
        return column.rows()

    return json.dumps({"fields": [c.field.as_json() for c in COLUMNS], "values": {c.name: bits(c) for c in COLUMNS}})
