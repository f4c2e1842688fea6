"""DuckDB with its delta extension, loaded from the file that the PyPI package carries (no network)."""

import importlib.util
import pathlib

import duckdb
import pyarrow


def extension_file(name: str) -> pathlib.Path:
    spec = importlib.util.find_spec(f"duckdb_extension_{name}")
    folder = pathlib.Path(spec.origin).parent / "extensions" / f"v{duckdb.__version__}"
    return folder / f"{name}.duckdb_extension"


def connect() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"autoinstall_known_extensions": False})
    connection.execute(f"LOAD '{extension_file('delta')}'")
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def read(table_dir, columns=None) -> pyarrow.Table:
    wanted = ", ".join('"%s"' % name.replace('"', '""') for name in columns) if columns else "*"
    path = str(table_dir).replace("'", "''")
    with connect() as connection:
        result = connection.execute(f"SELECT {wanted} FROM delta_scan('{path}')").arrow()
        return result.read_all() if isinstance(result, pyarrow.RecordBatchReader) else result
