"""Spark with delta-spark: one session for the process (starting one takes most of the time)."""

import atexit
import functools
import logging
import os
import pathlib
import sys

import pyarrow

JARS = pathlib.Path(__file__).resolve().parents[2] / ".cache" / "spark-jars"


@functools.cache
def session():
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["PYSPARK_SUBMIT_ARGS"] = (
        '--driver-java-options "-Duser.timezone=UTC -Xss4m" --driver-memory 1g pyspark-shell'
    )
    from pyspark.sql import SparkSession

    logging.getLogger("py4j").setLevel(logging.ERROR)
    spark = (
        SparkSession.builder.master("local[2]")
        .appName("leat-readers")
        .config("spark.jars", ",".join(str(jar) for jar in sorted(JARS.glob("*.jar"))))
        .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
        .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.databricks.delta.snapshotPartitions", "2")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.warehouse.dir", "/tmp/leat-spark-warehouse")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    atexit.register(spark.stop)
    return spark


def read(table_dir, columns=None) -> pyarrow.Table:
    frame = session().read.format("delta").load(str(table_dir))
    if columns:
        frame = frame.select(*["`%s`" % name.replace("`", "``") for name in columns])
    return frame.toArrow()
