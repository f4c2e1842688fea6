"""The Delta log itself, read with nothing but json: what a table says about its files."""

import dataclasses
import decimal
import json
import pathlib
import urllib.parse

import pyarrow
import pyarrow.compute
import pyarrow.parquet


@dataclasses.dataclass
class Snapshot:
    version: int
    files: dict  # path as written in the log -> add action
    metadata: dict
    protocol: dict
    transactions: dict  # app id -> version
    commits: dict  # version -> list of actions


def versions(table_dir) -> list[int]:
    names = pathlib.Path(table_dir, "_delta_log").glob("*.json")
    return sorted(int(name.stem) for name in names if name.stem.isdigit())


def snapshot(table_dir, at: int | None = None) -> Snapshot:
    found = Snapshot(-1, {}, {}, {}, {}, {})
    for version in versions(table_dir):
        if at is not None and version > at:
            break
        path = pathlib.Path(table_dir, "_delta_log", f"{version:020}.json")
        actions = [json.loads(line) for line in path.read_text().splitlines() if line]
        found.version = version
        found.commits[version] = actions
        for action in actions:
            for kind, body in action.items():
                if kind == "add":
                    found.files[body["path"]] = body
                elif kind == "remove":
                    found.files.pop(body["path"], None)
                elif kind == "metaData":
                    found.metadata = body
                elif kind == "protocol":
                    found.protocol = body
                elif kind == "txn":
                    found.transactions[body["appId"]] = body["version"]
    return found


def data_file(table_dir, path: str) -> pathlib.Path:
    return pathlib.Path(table_dir, urllib.parse.unquote(path))


def _as_stat(scalar):
    """A value as `stats` writes it, for comparing."""
    value = scalar.as_py()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, (bytes, bool)) or value is None:
        return value
    return value


def statistics_errors(table_dir) -> list[str]:
    """Every live file's statistics in the log and in its footer against its rows. Empty: all true."""
    wrong = []
    for path, add in snapshot(table_dir).files.items():
        where = data_file(table_dir, path)
        if where.stat().st_size != add["size"]:
            wrong.append(f"{path}: {where.stat().st_size} bytes, the log says {add['size']}")
        table = pyarrow.parquet.ParquetFile(where, page_checksum_verification=True).read()
        if not add.get("stats"):
            wrong.append(f"{path}: no statistics")
            continue
        stats = json.loads(add["stats"], parse_float=decimal.Decimal)
        if stats["numRecords"] != table.num_rows:
            wrong.append(f"{path}: {table.num_rows} rows, the log says {stats['numRecords']}")
        for name in table.column_names:
            wrong += [f"{path}: {name}: {what}" for what in _column_errors(table[name], stats, name)]
    return wrong


def _column_errors(column: pyarrow.ChunkedArray, stats: dict, name: str) -> list[str]:
    wrong = []
    nulls = stats.get("nullCount", {}).get(name)
    if nulls is not None and nulls != column.null_count:
        wrong.append(f"{column.null_count} NULLs, the log says {nulls}")
    low, high = stats.get("minValues", {}).get(name), stats.get("maxValues", {}).get(name)
    if low is None and high is None:
        return wrong
    kind = column.type
    if pyarrow.types.is_floating(kind):
        column = column.filter(pyarrow.compute.invert(pyarrow.compute.is_nan(column)))
    bounds = pyarrow.compute.min_max(column)
    true_low, true_high = _as_stat(bounds["min"]), _as_stat(bounds["max"])
    if pyarrow.types.is_timestamp(kind):
        if high is None and true_high > "9999-12-31T23:59:59.999":
            high = true_high  # raised to milliseconds it would be in a year that no reader takes: left out
        low, high, true_low, true_high = (_milliseconds(text) for text in (low, high, true_low, true_high))
        # Milliseconds by the protocol: the lower bound cut, the upper cut (as delta-rs does) or raised.
        exact = true_low - 1 < low <= true_low and true_high - 1 < high <= true_high + 1
    elif pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind):
        # Long text may be cut: the bounds stay bounds.
        exact = low <= true_low and (high is None or high >= true_high)
        if len(true_low) <= 32:
            exact = exact and low == true_low
    elif pyarrow.types.is_floating(kind):
        exact = float(low) == true_low and float(high) == true_high
    else:
        exact = low == true_low and high == true_high
    if not exact:
        wrong.append(f"holds {true_low!r} .. {true_high!r}, the log says {low!r} .. {high!r}")
    return wrong


def _milliseconds(text: str) -> float:
    import datetime

    when = datetime.datetime.fromisoformat(text)
    when = when.replace(tzinfo=None) if when.tzinfo else when
    return (when - datetime.datetime(1970, 1, 1)) / datetime.timedelta(milliseconds=1)
