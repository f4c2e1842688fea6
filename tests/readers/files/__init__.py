"""Readers of plain Parquet files, which judge the writer's bytes: every reader gives the values of extremes.py.

FILE_READERS maps a name to `read(paths, names)`: for each path, in order, a dictionary of its columns NAMES (all that the
file has), or the exception with which the reader refused it.
"""

from .. import extremes
from . import engines, fastparquet_file, programs


def _one_by_one(read):
    def each(paths, names):
        for path in paths:
            try:
                yield read(path, names)
            except BaseException as error:  # a panic of Rust is no Exception
                if isinstance(error, (KeyboardInterrupt, SystemExit)):
                    raise
                yield error

    return each


FILE_READERS = {
    "pyarrow": _one_by_one(engines.pyarrow_file),
    "duckdb": _one_by_one(engines.duckdb_file),
    "polars": _one_by_one(engines.polars_file),
    "delta-rs": _one_by_one(engines.delta_rs_file),
    "fastparquet": _one_by_one(lambda path, names: fastparquet_file.read(path, names, extremes.FIELDS)),
    "spark": engines.spark_files,
    "parquet-java": programs.parquet_java,
    "hyparquet": programs.hyparquet,
}
