"""A table against the SQLite query it was loaded from, through each reader."""

from . import READERS, canonical, log


def assert_equal_to_source(table_dir, sqlite_path, query, readers=None, statistics=True):
    """The table holds exactly the rows of QUERY (a multiset; the columns of the query, the table may have
    more), in the eyes of every reader, and its statistics are true."""
    for name in readers or READERS:
        table = READERS[name](table_dir)
        names, expected = canonical.source_rows(sqlite_path, query, table.schema)
        told = canonical.differences(expected, canonical.rows(table, names), names)
        assert not told, f"{name} reads other rows than the source has:\n{told}"
    if statistics:
        wrong = log.statistics_errors(table_dir)
        assert not wrong, "statistics that do not hold:\n" + "\n".join(wrong[:20])


def rows_of(table_dir, columns=None, reader="pyarrow"):
    table = READERS[reader](table_dir)
    return canonical.rows(table, columns or table.column_names)
