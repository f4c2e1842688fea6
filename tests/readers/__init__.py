"""The programs that judge what leat writes: each reads a Delta table on its own terms and gives an Arrow table.

READERS maps a name to a function `read(table_dir, columns=None) -> pyarrow.Table`. A reader is asked for the
whole current version; rows come in any order. What a value becomes when two readers are compared is said in
canonical.py.
"""

from . import delta_rs, duckdb_delta, polars_delta, spark_delta

READERS = {
    "pyarrow": delta_rs.read,
    "duckdb": duckdb_delta.read,
    "polars": polars_delta.read,
    "spark": spark_delta.read,
}
