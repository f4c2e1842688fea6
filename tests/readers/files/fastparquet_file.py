"""fastparquet: NumPy and pandas in the forms of extremes.py. Structs come as columns called "struct.field"."""

import json
import struct
import warnings

import numpy
import pandas

with warnings.catch_warnings():  # it asks pandas for an option that is going to go
    warnings.simplefilter("ignore")
    import fastparquet

DAY_NS = 86_400 * 10**9
NAT = -(1 << 63)


def _value(v):
    if v is None or v is pandas.NA or v is pandas.NaT:
        return None
    if isinstance(v, (bool, numpy.bool_)):
        return bool(v)
    if isinstance(v, (int, numpy.integer)):
        return str(v)
    if isinstance(v, numpy.float32):
        return "nan" if v != v else struct.pack(">f", v).hex()
    if isinstance(v, float):
        return "nan" if v != v else struct.pack(">d", v).hex()
    if isinstance(v, bytes):
        return v.hex()
    if isinstance(v, dict):
        return [[_value(key), _value(item)] for key, item in v.items()]
    if isinstance(v, (list, numpy.ndarray)):
        return [_value(item) for item in v]
    return str(v)


def _moments(series, field):
    """Dates come as nanoseconds, timestamps and times as microseconds."""
    numbers = series.to_numpy().view("int64").tolist()
    if field.type != "date":
        return [None if n == NAT else str(n) for n in numbers]
    return [None if n == NAT else str(n // DAY_NS) if n % DAY_NS == 0 else f"{n} ns" for n in numbers]


def _column(series, field):
    if series.dtype.kind in "mM":
        return _moments(series, field)
    if field.type == "json":
        return [None if v is None else json.dumps(v, ensure_ascii=False) for v in series]
    if isinstance(series.dtype, pandas.StringDtype):
        return [v if isinstance(v, str) else None for v in series]
    if series.dtype.kind == "f":
        return [_value(v) for v in series.to_numpy()]
    return [_value(v) for v in series]


def _rows(frame, name, field):
    if field.type != "struct":
        return _column(frame[name], field)
    parts = [_rows(frame, f"{name}.{child.name}", child) for child in field.children]
    return [dict(zip((child.name for child in field.children), row)) for row in zip(*parts)]


def read(path, names, fields):
    frame = fastparquet.ParquetFile(str(path)).to_pandas()
    return {name: _rows(frame, name, fields[name]) for name in names}
