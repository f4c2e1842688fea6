"""A Delta table of some thousand rows at most, loaded in many runs, and what others may do to it."""

import datetime
import decimal
import json
import shutil

import deltalake
import pyarrow

from readers import canonical, compare, log, spark_delta

TABLE = """
CREATE TABLE t (
    id    INTEGER PRIMARY KEY,
    place TEXT,
    note  TEXT,
    price DECIMAL(18,2),
    seen  TIMESTAMP,
    day   DATE,
    n     INTEGER
);
"""
PLACES = ["NYC", None, "a/b=c", "Zürich", "x y%z"]
ROWS_EACH = 10
AT = {"instants": "timestamptz", "wall clocks": "timestamp"}  # the second makes a table with features


def row(i: int, zone="Z") -> tuple:
    at = datetime.datetime(2013, 11, 28, 23, 59, 59, 123456) + datetime.timedelta(hours=i, microseconds=i)
    return (
        i,
        PLACES[i % len(PLACES)],
        None if i % 7 == 0 else "a text of more than thirty-two characters, number %05d" % i,
        None if i % 5 == 0 else str(decimal.Decimal(i - 100).scaleb(-2)),
        None if i % 9 == 0 else at.isoformat(" ") + zone,
        None if i % 8 == 0 else at.date().isoformat(),
        -i,
    )


def add(shop, first, last):
    shop.sql("INSERT INTO t VALUES (?,?,?,?,?,?,?)", (row(i, shop.zone) for i in range(first, last)))


def make(shop, at="timestamptz", partition="partition_by: place"):
    shop.zone = "Z" if at == "timestamptz" else ""
    shop.sql("PRAGMA journal_mode = WAL;" + TABLE)
    shop.write_job(
        f"""
        t:
          mode: incremental
          update_key: id
          {partition}
          columns: {{seen: {{type: {at}}}}}
        """
    )
    return shop


def load(shop, runs, first=0):
    """RUNS runs with ROWS_EACH rows each; the next row's number."""
    for _ in range(runs):
        add(shop, first, first + ROWS_EACH)
        shop.run()
        first += ROWS_EACH
    return first


def assert_equal(shop, table=None, readers=None, statistics=True):
    compare.assert_equal_to_source(
        table or shop.table("t"), shop.db, "SELECT * FROM t", readers=readers, statistics=statistics
    )


def hint(table):
    return json.loads((table / "_delta_log" / "_last_checkpoint").read_text())


def checkpoint_file(table, version):
    return table / "_delta_log" / f"{version:020}.checkpoint.parquet"


def checkpoints(table):
    return sorted(int(p.name[:20]) for p in (table / "_delta_log").glob("*.checkpoint*.parquet"))


def without_old_json(table, to):
    """A copy of TABLE as a log cleaner leaves it: no JSON below its last checkpoint."""
    shutil.copytree(table, to)
    for version in log.versions(to):
        if version < hint(to)["version"]:
            (to / "_delta_log" / f"{version:020}.json").unlink()
    return to


ARROW = pyarrow.schema(
    [
        ("id", pyarrow.int64()),
        ("place", pyarrow.string()),
        ("note", pyarrow.string()),
        ("price", pyarrow.decimal128(18, 2)),
        ("seen", pyarrow.timestamp("us", "UTC")),
        ("day", pyarrow.date32()),
        ("n", pyarrow.int64()),
    ]
)


def foreign_rows(shop, i):
    """Row I as another writer has it; the source gets it too, below the watermark, so that both stay equal."""
    shop.sql("INSERT INTO t VALUES (?,?,?,?,?,?,?)", [row(i)])
    values = [canonical.from_source(value, field.type) for value, field in zip(row(i), ARROW)]
    return pyarrow.Table.from_pylist([dict(zip(ARROW.names, values))], schema=ARROW)


def append_by_deltalake(shop, i):
    deltalake.write_deltalake(str(shop.table("t")), foreign_rows(shop, i), mode="append")


def append_by_spark(shop, i):
    frame = spark_delta.session().createDataFrame(foreign_rows(shop, i))
    frame.write.format("delta").mode("append").partitionBy("place").save(str(shop.table("t")))
