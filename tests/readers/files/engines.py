"""Readers that give Arrow: each opens a Parquet file on its own terms."""

import shutil
import tempfile

import duckdb
import polars
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet

from .. import spark_delta
from . import arrow


def pyarrow_file(path, names):
    file = pyarrow.parquet.ParquetFile(path, page_checksum_verification=True)
    table = file.read(columns=names)
    table.validate()  # in full it takes no 24:00:00, though it reads one
    return arrow.columns(table)


def duckdb_file(path, names):
    listed = ", ".join(f'"{name}"' for name in names)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute(f"SELECT {listed} FROM read_parquet('{path}')").arrow()
        return arrow.columns(found.read_all() if isinstance(found, pa.RecordBatchReader) else found)


def polars_file(path, names):
    return arrow.columns(polars.read_parquet(path, columns=names).to_arrow())


def delta_rs_file(path, names):
    """delta-rs reads files of tables only: the file becomes a table of its own, read by its engine (Rust's arrow)."""
    import deltalake

    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(path, folder)
        deltalake.convert_to_deltalake(folder)
        listed = ", ".join(f'"{name}"' for name in names)
        table = deltalake.DeltaTable(folder)
        found = deltalake.QueryBuilder().register("t", table).execute(f"select {listed} from t")
        return arrow.columns(pa.table(found.read_all()))


def spark_files(paths, names):
    """All files in one job, and each by the rows that came from it."""
    spark = spark_delta.session()
    spark.conf.set("spark.sql.timeType.enabled", "true")
    listed = [f"`{name}`" for name in names]
    try:
        found = spark.read.parquet(*map(str, paths)).selectExpr(*listed, "_metadata.file_name AS file").toArrow()
    except Exception as error:
        return [error] * len(paths)
    parts = [found.filter(pa.compute.equal(found["file"], path.name)) for path in paths]
    return [arrow.columns(part.sort_by("row").select(names)) for part in parts]
