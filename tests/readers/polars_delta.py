"""Polars, with its own Parquet reader over the log that delta-rs gives it."""

import polars
import pyarrow


def read(table_dir, columns=None) -> pyarrow.Table:
    frame = polars.read_delta(str(table_dir), columns=columns)
    return frame.to_arrow()
