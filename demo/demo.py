"""The story `make demo` tells: real flights from a live database into a Delta table, kill included.

Every line is something that just happened on this machine; the command below it is what happened, to repeat. Python
makes the data and reads it back; all in between is leat.
"""

import json
import os
import pathlib
import signal
import shutil
import sqlite3
import subprocess
import sys
import time

import airline
import duckdb
import duckdb_extension_delta

ROOT = pathlib.Path(__file__).resolve().parents[1]
WORK = ROOT / ".cache" / "demo"
DB = WORK / "airline.db"
LAKE = WORK / "lake"
LEAT = ROOT / "build" / "leat"
JOB = "demo/flights.yaml"
SUMS = "count(*), count(departed_at), sum(distance), sum(air_time), sum(dep_delay), sum(arr_delay)"

DIM, BOLD, PLAIN = ("\x1b[2m", "\x1b[1m", "\x1b[0m") if sys.stdout.isatty() and "NO_COLOR" not in os.environ else ("",) * 3


def shown(path) -> str:
    return str(path.relative_to(ROOT))


def tell(text, command=None):
    print(text)
    if command:
        print(f"    {DIM}$ {command}{PLAIN}")
    sys.stdout.flush()


def fail(text, result=None):
    print(f"demo: {text}", file=sys.stderr)
    if result is not None:
        print(result.stdout + result.stderr, file=sys.stderr)
    sys.exit(1)


def leat(*arguments, expect=0):
    result = subprocess.run([LEAT, *arguments], cwd=ROOT, capture_output=True, text=True)
    if result.returncode != expect:
        fail(f"leat {' '.join(arguments)} ended with {result.returncode}, not {expect}", result)
    return result


def run(*streams, expect=0) -> tuple[dict, dict]:
    """The report of a run, and its streams by name."""
    result = leat("run", JOB, *streams, "--json", expect=expect)
    report = json.loads(result.stdout)
    return report, {stream["stream"]: stream for stream in report["streams"]}


def sums(statement, connection):
    return connection.execute(statement).fetchone()


def source_sums():
    db = sqlite3.connect(DB)
    try:
        return sums(f"SELECT {SUMS} FROM flights", db)
    finally:
        db.close()


def reader():
    folder = pathlib.Path(duckdb_extension_delta.__file__).parent / "extensions" / f"v{duckdb.__version__}"
    connection = duckdb.connect(config={"autoinstall_known_extensions": False})
    connection.execute(f"LOAD '{folder / 'delta.duckdb_extension'}'")
    return connection


def live_rows(table, columns="count(*)"):
    return sums(f"SELECT {columns} FROM delta_scan('{LAKE / table}')", reader())


def size(count) -> str:
    return f"{count / 1e6:.1f} MB"


def first_load():
    report, streams = run()
    flights = streams["flights"]
    rows = sum(stream["rows_written"] for stream in streams.values())
    tell(
        f"  2  loaded {rows:,} rows of 5 tables: the flights in {flights['partitions']} days, {flights['files']} files,"
        f" {size(flights['bytes_written'])}, {report['wall_seconds']:.1f} s",
        f"{shown(LEAT)} run {JOB}",
    )


def second_run():
    report, streams = run("flights")
    if streams["flights"]["outcome"] != "nothing new":
        fail("the second run found something")
    tell(
        f"  3  again: nothing new, {report['wall_seconds'] * 1000:.0f} ms; the watermark is {streams['flights']['watermark']}",
        f"{shown(LEAT)} run {JOB} flights",
    )


def december():
    before = {path for path in LAKE.glob("flights/**/*.parquet")}
    count = airline.add_flights(DB, [12])
    report, streams = run("flights")
    new = {path.parent.name for path in set(LAKE.glob("flights/**/*.parquet")) - before}
    if not all("2013-12" in name or "2013-11-30" in name for name in new):
        fail(f"more than December moved: {sorted(new)[:3]}")
    tell(
        f"  4  December arrives: {streams['flights']['rows_written']:,} of {count:,} new flights moved, into"
        f" {len(new)} days of December and no other, {report['wall_seconds']:.1f} s",
        f"{shown(LEAT)} run {JOB} flights",
    )


def staged_manifests() -> int:
    return len(list(LAKE.glob("flights/_leat/staging/**/split-*.json")))


def planned_splits() -> int:
    plan = json.loads(leat("plan", JOB, "flights", "--json").stdout)
    return plan["streams"][0]["splits"]


def killed_and_finished():
    """kill -9 once half of the splits are done; a run that was quicker is begun again. All of it takes less than the second
    after which finished work is saved, so it is saved after each split."""
    for _ in range(10):
        shutil.rmtree(LAKE / "flights")
        half = planned_splits() // 2
        process = subprocess.Popen(
            [LEAT, "run", JOB, "flights", "--quiet", "--save-every", "0s"], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while process.poll() is None and staged_manifests() < half:
            time.sleep(0.0005)
        process.send_signal(signal.SIGKILL)
        if process.wait() == -signal.SIGKILL:
            break
    else:
        fail("every run was quicker than the kill")
    if list(LAKE.glob("flights/_delta_log/*.json")):
        fail("a killed first load left a version")
    tell(
        f"  5  the table is dropped and loaded anew, and the run dies by kill -9 half way: no reader sees any of it",
        f"rm -r {shown(LAKE / 'flights')}; {shown(LEAT)} run {JOB} flights --save-every 0s & sleep 0.2; kill -9 $!",
    )
    report, streams = run("flights")
    flights = streams["flights"]
    if live_rows("flights", SUMS) != source_sums():
        fail("the rows after the kill are not the source's")
    kept = f", {flights['rows_kept']:,} of them kept from the dead run" if flights["rows_kept"] else ""
    tell(
        f"  6  the next run finishes: {flights['rows_written']:,} flights{kept}; nothing lost, nothing doubled",
        f"{shown(LEAT)} run {JOB} flights",
    )


def held():
    db = sqlite3.connect(DB)
    with db:
        db.execute("CREATE TABLE kept AS SELECT * FROM weather")
        db.execute("DELETE FROM weather WHERE rowid % 2")
    _, streams = run("weather", expect=4)
    (rows,) = live_rows("weather")
    tell(
        f"  7  somebody deletes half of the weather: the run is held (exit 4), readers still see all {rows:,} hours",
        f"{shown(LEAT)} run {JOB} weather; echo $?",
    )
    with db:
        db.executescript("DELETE FROM weather; INSERT INTO weather SELECT * FROM kept; DROP TABLE kept")
    db.close()
    _, streams = run("weather")
    tell(f"  8  the rows are back and the next run is let through: version {streams['weather']['version']}")


def status():
    told = leat("status", JOB).stdout.rstrip().splitlines()
    tell("  9  what stands in the lake now", f"{shown(LEAT)} status {JOB}")
    for line in told:
        print(f"     {line}")


def read_back():
    ours, theirs = live_rows("flights", SUMS), source_sums()
    if ours != theirs:
        fail(f"DuckDB reads {ours}, the source has {theirs}")
    tell(
        f" 10  DuckDB reads the table: {ours[0]:,} flights, {ours[2]:,} miles, {ours[3]:,} minutes in the air;"
        " all six sums equal the source's",
        f"duckdb -c \"SELECT count(*), sum(distance) FROM delta_scan('{shown(LAKE / 'flights')}')\"",
    )


def main():
    started = time.monotonic()
    os.chdir(ROOT)
    os.environ["LEAT_LEDGER"] = str(WORK / "ledger.db")
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    count = airline.create(DB, range(1, 12))
    tell(f"  1  an airline's database: {count:,} flights out of New York, January to November 2013, in {shown(DB)}")
    first_load()
    second_run()
    december()
    killed_and_finished()
    held()
    status()
    read_back()
    tell(
        f" 11  that took {time.monotonic() - started:.0f} s. Now yours:\n"
        f"    {BOLD}$ {shown(LEAT)} init ./my.db -o job.yaml{PLAIN}      a first job file, to read and change\n"
        f"    {BOLD}$ {shown(LEAT)} plan job.yaml{PLAIN}                what would move; writes nothing\n"
        f"    {BOLD}$ {shown(LEAT)} run job.yaml{PLAIN}"
    )


if __name__ == "__main__":
    main()
