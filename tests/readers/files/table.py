"""The table of docs/types.md that says what readers of plain Parquet files make of each type, from deviations.py.

    python -m readers.files.table          prints it (from tests/)
"""

from .. import extremes
from .deviations import DEVIATIONS

EXACT = "exact"
# Names for people, in the order of the page; a column of extremes.py stands in one of them.
ROWS = {
    "bool": ["bool"],
    "int8 to int64": ["row", "int8", "int16", "int32", "int64"],
    "uint8 to uint64": ["uint8", "uint16", "uint32", "uint64"],
    "float32, float64": ["float32", "float64"],
    "decimal to 38 digits": [
        *["decimal1_0", "decimal9_2", "decimal9_9", "decimal18_0", "decimal18_6", "decimal19_0", "decimal38_0", "decimal38_10"]
    ],
    "decimal to 76 digits": ["decimal39_1", "decimal76_0", "decimal76_38"],
    "text, also of 1 MB": ["text", "long_text", "all_null"],
    "binary": ["binary"],
    "fixed_binary": ["fixed_binary"],
    "date, years 1 to 9999": ["date"],
    "date, any year": ["date_beyond"],
    "time": ["time"],
    "time 24:00:00": ["time_24"],
    "timestamp, timestamptz, years 1 to 9999": ["timestamp", "timestamp_utc"],
    "timestamp, any year": ["timestamp_beyond"],
    "interval": ["interval"],
    "uuid": ["uuid"],
    "json": ["json"],
    "list of integers or texts": ["ints", "texts"],
    "list of decimals": ["decimals"],
    "struct": ["pair"],
    "map": ["map"],
    "list of lists, list of structs, map of lists": ["lists", "points", "map_of_lists"],
    "struct of a list and of a struct with uint32": ["nested"],
}


def _cell(reader, columns):
    words = {DEVIATIONS[reader][name].words if name in DEVIATIONS[reader] else EXACT for name in columns}
    assert len(words) == 1, f"{reader}: {columns} differ; give them rows of their own"
    return words.pop()


def markdown() -> str:
    told = [name for columns in ROWS.values() for name in columns]
    assert sorted(told) == sorted(extremes.NAMES), "a column of extremes.py is missing here"
    lines = [f"| type | {' | '.join(DEVIATIONS)} |", "|---" * (1 + len(DEVIATIONS)) + "|"]
    for title, columns in ROWS.items():
        lines.append(f"| {title} | {' | '.join(_cell(reader, columns) for reader in DEVIATIONS)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(markdown(), end="")
