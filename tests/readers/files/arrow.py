"""Arrow arrays in the forms of extremes.py; by the array's own type, so what a reader made of a column shows."""

import struct

import pyarrow as pa

PLACES = {"s": 10**6, "ms": 1000, "us": 1}


def _plain(array, change):
    return [None if v is None else change(v) for v in array.to_pylist()]


def _float(pack):
    return lambda v: "nan" if v != v else struct.pack(pack, v).hex()


def _microseconds(array, width, unit):
    """Through integers: Python's own types end at the year 9999 and at 23:59:59."""
    numbers = array.view(width).to_pylist()
    if unit == "ns":
        return [None if v is None else str(v // 1000) if v % 1000 == 0 else f"{v} ns" for v in numbers]
    return [None if v is None else str(v * PLACES[unit]) for v in numbers]


def _interval(v):
    return [v.months, v.days, v.nanoseconds // 10**6]


def _offsets(array, make):
    offsets = array.offsets.to_pylist()
    return [make(offsets[i], offsets[i + 1]) if valid else None for i, valid in enumerate(array.is_valid().to_pylist())]


def _list(array):
    items = values(array.values)
    return _offsets(array, lambda begin, end: items[begin:end])


def _map(array):
    keys, items = values(array.keys), values(array.items)
    return _offsets(array, lambda begin, end: [list(pair) for pair in zip(keys[begin:end], items[begin:end])])


def _struct(array):
    names = [field.name for field in array.type]
    fields = [values(array.field(i)) for i in range(len(names))]
    present = array.is_valid().to_pylist()
    return [dict(zip(names, (f[i] for f in fields))) if present[i] else None for i in range(len(array))]


def values(array) -> list:
    kind, types = array.type, pa.types
    if isinstance(array, pa.ChunkedArray):
        return [v for chunk in array.chunks for v in values(chunk)]
    if isinstance(kind, pa.BaseExtensionType):
        found = values(array.storage)
        if kind.extension_name == "arrow.uuid":
            return [v and "-".join([v[:8], v[8:12], v[12:16], v[16:20], v[20:]]) for v in found]
        return found
    if types.is_dictionary(kind):
        return values(array.dictionary_decode())
    if types.is_map(kind):
        return _map(array)
    if types.is_list(kind) or types.is_large_list(kind):
        return _list(array)
    if types.is_struct(kind):
        return _struct(array)
    if types.is_date32(kind) or types.is_time32(kind):
        numbers = array.view(pa.int32()).to_pylist()
        factor = 1 if types.is_date32(kind) else PLACES[kind.unit]
        return [None if v is None else str(v * factor) for v in numbers]
    if types.is_time64(kind) or types.is_timestamp(kind) or types.is_duration(kind):
        return _microseconds(array, pa.int64(), kind.unit)
    if types.is_float32(kind) or types.is_float64(kind):
        return _plain(array, _float(">f" if types.is_float32(kind) else ">d"))
    if types.is_decimal(kind):
        return _plain(array, lambda v: format(v, "f"))
    if types.is_integer(kind):
        return _plain(array, str)
    if types.is_interval(kind):
        return _plain(array, _interval)
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind) or types.is_binary_view(kind):
        return _plain(array, bytes.hex)
    return array.to_pylist()


def columns(table: pa.Table) -> dict:
    return {name: values(table[name]) for name in table.column_names}
