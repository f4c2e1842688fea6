"""A database, a job and a lake in a directory of their own, and the way to run leat on them."""

import contextlib
import dataclasses
import datetime
import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
LEAT = pathlib.Path(os.environ.get("LEAT", ROOT / "build" / "leat"))
LEAT_FAULTS = pathlib.Path(os.environ.get("LEAT_FAULTS", ROOT / "build-check" / "faults" / "leat"))

PUBLISHED, FAILED, USAGE, SOME_FAILED, HELD, UNKNOWN, LOCKED = range(7)


@dataclasses.dataclass
class Result:
    code: int
    out: str
    err: str
    seconds: float

    @property
    def json(self) -> dict:
        """The report: the last JSON document on stdout."""
        try:
            return json.loads(self.out)
        except json.JSONDecodeError:
            return json.loads(self.out.strip().splitlines()[-1])

    def stream(self, name=None) -> dict:
        streams = self.json["streams"]
        return streams[0] if name is None else next(s for s in streams if s["stream"] == name)

    def __str__(self):
        return f"exit {self.code} after {self.seconds:.2f} s\n-- stdout\n{self.out}\n-- stderr\n{self.err}"


class Shop:
    """Everything below one folder: shop.db, job.yaml, lake/, ledger.db."""

    def __init__(self, folder: pathlib.Path, binary=LEAT):
        self.folder = folder
        self.binary = binary
        self.db = folder / "shop.db"
        self.job = folder / "job.yaml"
        self.lake = folder / "lake"
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def environment(self) -> dict:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("LEAT_") and k != "NO_COLOR"}
        return {**kept, "LEAT_LEDGER": str(self.folder / "ledger.db"), "TZ": "America/New_York"}

    def sql(self, script, rows=None):
        """Run a script, or one statement for many rows."""
        with contextlib.closing(sqlite3.connect(self.db)) as db, db:
            if rows is None:
                return db.executescript(script)
            return db.executemany(script, rows)

    def query(self, statement):
        with contextlib.closing(sqlite3.connect(self.db)) as db:
            return db.execute(statement).fetchall()

    def write_job(self, streams: str, defaults: str = "table: delta"):
        """STREAMS is the YAML below `streams:`, unindented or not."""
        import textwrap

        self.job.write_text(
            "source: ./shop.db\ntarget: ./lake\ndefaults:\n"
            + textwrap.indent(textwrap.dedent(defaults).strip(), "  ")
            + "\nstreams:\n"
            + textwrap.indent(textwrap.dedent(streams).strip(), "  ")
            + "\n"
        )

    def table(self, name) -> pathlib.Path:
        return self.lake / name

    def command(self, *arguments):
        return [str(self.binary), *map(str, arguments)]

    def leat(self, *arguments, timeout=120, env=None) -> Result:
        started = time.monotonic()
        done = subprocess.run(
            self.command(*arguments),
            capture_output=True,
            timeout=timeout,
            env={**self.environment, **(env or {})},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
        )
        return Result(
            done.returncode,
            done.stdout.decode(errors="replace"),
            done.stderr.decode(errors="replace"),
            time.monotonic() - started,
        )

    def run(self, *arguments, expect=PUBLISHED, **options) -> Result:
        result = self.leat("run", self.job, *arguments, "--json", **options)
        assert result.code == expect, result
        return result

    def start(self, *arguments, env=None) -> subprocess.Popen:
        return subprocess.Popen(
            self.command("run", self.job, *arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            cwd=self.folder,
            env={**self.environment, **(env or {})},
        )

    def staged(self) -> list[pathlib.Path]:
        """What unfinished runs have put aside."""
        return [p for p in self.lake.rglob("_leat/staging/**/*") if p.is_file()]


def wait_until(condition, seconds=20.0, process=None):
    """True once CONDITION holds; False when PROCESS ended before."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        if process is not None and process.poll() is not None:
            return bool(condition())
        time.sleep(0.001)
    raise AssertionError(f"waited {seconds} s in vain")


def stop(process, how=signal.SIGKILL, timeout=20) -> Result:
    started = time.monotonic()
    process.send_signal(how)
    out, err = process.communicate(timeout=timeout)
    return Result(process.returncode, out.decode(), err.decode(), time.monotonic() - started)


ORDERS = """
CREATE TABLE orders (
    id         INTEGER PRIMARY KEY,
    customer   TEXT,
    total      DECIMAL(18,2),
    weight     REAL,
    created_at TIMESTAMP NOT NULL,
    day        DATE,
    paid       BOOLEAN,
    payload    BLOB
);
"""


def order(i: int) -> tuple:
    """A row that depends on nothing but its number; five rows share a moment, moments are 7 minutes apart, NULLs are everywhere."""
    stamp = (datetime.datetime(2013, 1, 1) + datetime.timedelta(minutes=i // 5 * 7)).isoformat(" ")
    return (
        i,
        None if i % 11 == 0 else f"customer {i % 997} Zürich",
        None if i % 7 == 0 else f"{i % 100000}.{i % 100:02}",
        None if i % 13 == 0 else i / 8,
        stamp,
        None if i % 5 == 0 else stamp[:10],
        None if i % 3 == 0 else i % 2,
        None if i % 17 == 0 else bytes([i % 256, 0, 255]) * (i % 4),
    )


def add_orders(shop: Shop, first: int, last: int):
    """Orders FIRST up to but without LAST."""
    shop.sql("INSERT INTO orders VALUES (?,?,?,?,?,?,?,?)", (order(i) for i in range(first, last)))
