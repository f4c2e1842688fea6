"""What the benches share: the databases, the measuring of one process from outside, and the loop that prints a table."""

import argparse
import functools
import importlib.metadata
import json
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys
import typing

ROOT = pathlib.Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache" / "bench"
OUT = pathlib.Path(os.environ.get("LEAT_BENCH_OUT", CACHE / "out"))  # emptied by every run
LEAT = pathlib.Path(os.environ.get("LEAT", ROOT / "build" / "leat"))

SCHEMAS = {
    "lineitem": """l_orderkey INTEGER NOT NULL, l_partkey INTEGER NOT NULL, l_suppkey INTEGER NOT NULL,
        l_linenumber INTEGER NOT NULL, l_quantity DECIMAL(15,2) NOT NULL, l_extendedprice DECIMAL(15,2) NOT NULL,
        l_discount DECIMAL(15,2) NOT NULL, l_tax DECIMAL(15,2) NOT NULL, l_returnflag CHAR(1) NOT NULL,
        l_linestatus CHAR(1) NOT NULL, l_shipdate DATE NOT NULL, l_commitdate DATE NOT NULL, l_receiptdate DATE NOT NULL,
        l_shipinstruct CHAR(25) NOT NULL, l_shipmode CHAR(10) NOT NULL, l_comment VARCHAR(44) NOT NULL""",
    "orders": """o_orderkey INTEGER PRIMARY KEY, o_custkey INTEGER NOT NULL, o_orderstatus CHAR(1) NOT NULL,
        o_totalprice DECIMAL(15,2) NOT NULL, o_orderdate DATE NOT NULL, o_orderpriority CHAR(15) NOT NULL,
        o_clerk CHAR(15) NOT NULL, o_shippriority INTEGER NOT NULL, o_comment VARCHAR(79) NOT NULL""",
}


def make_database(scale: str) -> pathlib.Path:
    db = CACHE / f"tpch-{scale}.db"
    if db.exists():
        return db
    CACHE.mkdir(parents=True, exist_ok=True)
    raw, unfinished = CACHE / "raw", db.with_suffix(".part")
    shutil.rmtree(raw, ignore_errors=True)
    unfinished.unlink(missing_ok=True)
    print(f"making {db} ...", file=sys.stderr)
    generator = pathlib.Path(sys.executable).parent / "tpchgen-cli"
    for table in SCHEMAS:
        subprocess.run(
            [generator, "-s", scale, "--tables", table, "--output-dir", raw], check=True, stdout=subprocess.DEVNULL
        )
    connection = sqlite3.connect(unfinished)
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("PRAGMA synchronous = OFF")
    for table, columns in SCHEMAS.items():
        connection.execute(f"CREATE TABLE {table} ({columns})")
        marks = ", ".join("?" * (columns.count(" NOT NULL") + columns.count("PRIMARY KEY")))
        with open(raw / f"{table}.tbl", encoding="utf-8") as lines:
            connection.executemany(
                f"INSERT INTO {table} VALUES ({marks})", (line.rstrip("\n").rstrip("|").split("|") for line in lines)
            )
    connection.commit()
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    shutil.rmtree(raw)
    unfinished.rename(db)
    return db


def python(code: str) -> list:
    return [sys.executable, "-c", code]


def leat_job(db, table: str, name: str, words: str = "") -> pathlib.Path:
    """A job file that loads TABLE of DB whole into OUT/NAME; WORDS go into its stream."""
    job = OUT / f"{name}.yaml"
    job.write_text(
        f"source: sqlite://{db}\ntarget: file://{OUT}/{name}\n"
        f"defaults: {{table: delta, compression: 'zstd:1'}}\nstreams:\n  {table}: {{mode: full-refresh{words}}}\n"
    )
    return job


class Missing(Exception):
    """A contender that is not installed; the words say what installs it."""


class Found(typing.NamedTuple):
    """What one run took; the smaller one is the quicker one."""

    wall: float  # seconds
    cpu: float  # seconds, user and system, of the process and of those that it waited for
    peak: float  # MB


@functools.cache
def compiled(name: str, *words: str) -> pathlib.Path:
    """bench/NAME.c as a program in .cache/bench; WORDS go to the compiler."""
    program, source = CACHE / name, ROOT / "bench" / f"{name}.c"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        CACHE.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cc", "-O2", "-o", program, source, *words], check=True)
    return program


def measure(command, environment: dict | None = None) -> Found:
    """Run COMMAND to its end, below a process that is smaller than any."""
    tell, told = os.pipe()
    words = [str(word) for word in (compiled("launch"), told, *command)]
    with open(tell, encoding="utf-8") as answer:
        process = subprocess.run(
            words, pass_fds=[told], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})}, check=False,
        )
        os.close(told)
        if process.returncode != 0:
            raise RuntimeError(process.stdout.decode(errors="replace").strip() or f"exit {process.returncode}")
        return Found(**json.loads(answer.read()))


def version(package: str) -> str:
    """The version of a Python package behind a space, for titles."""
    try:
        return f" {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        return ""


def last_words(error: Exception) -> str:
    """What a failed contender said: the line that names the error, else the last one."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or ["no words"]
    named = [line for line in lines if re.match(r"[\w.]*(Error|Exception|error)\b.*: ", line)]
    words = re.sub(r"^[\w.]+(Error|Exception): ", "", (named or lines)[-1])
    return words if len(words) <= 120 else words[:117] + "..."


MANY = 1000  # files
ASIDE = OUT.with_name(OUT.name + ".aside")


def clean():
    """OUT is empty. Thousands of files only move aside until the end of the contest: for five minutes after they were deleted
    ext4 without a journal looks for inodes beside theirs, which takes whoever comes next twice the kernel's time."""
    if OUT.exists() and len(files()) > MANY:
        ASIDE.mkdir(exist_ok=True)
        OUT.rename(ASIDE / str(len(list(ASIDE.iterdir()))))
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)


def remove_all():
    shutil.rmtree(OUT, ignore_errors=True)
    shutil.rmtree(ASIDE, ignore_errors=True)


def files() -> list[pathlib.Path]:
    return list(OUT.rglob("*.parquet"))


def rows_written() -> int:
    """By the footers of the files."""
    import pyarrow.parquet

    return sum(pyarrow.parquet.read_metadata(path).num_rows for path in files())


def count_rows(db, table: str) -> int:
    connection = sqlite3.connect(db)
    (rows,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    connection.close()
    return rows


class Table:
    """A Markdown table that appears line by line. A column is its title, its least width and a format for its values."""

    def __init__(self, first: str, width: int, *columns: tuple[str, int, str]):
        self.width, self.align = width, ">" if first else "<"
        self.columns = [(max(len(title), least), how) for title, least, how in columns]
        titles = "".join(f" {title:>{size}} |" for (title, _, _), (size, _) in zip(columns, self.columns))
        rule = "-" * (width + 1) + (":" if first else "-")
        print(f"| {first:{self.align}{width}} |{titles}")
        print(f"|{rule}|" + "".join(f"{'-' * (size + 1)}:|" for size, _ in self.columns), flush=True)

    def row(self, first, *values, words=""):
        """A value of None shows as a dash; WORDS stand behind the line."""
        cells = (
            f" {'-':>{size}} |" if value is None else f" {value:{size}{how}} |"
            for (size, how), value in zip(self.columns, values)
        )
        first = first if isinstance(first, str) else f"{first:,}"
        print(f"| {first:{self.align}{self.width}} |{''.join(cells)}{words and ' ' + words}", flush=True)

    def words(self, first: str, words: str):
        print(f"| {first:{self.align}{self.width}} | {words} |", flush=True)


WALL, CPU, PEAK = ("wall s", 7, ".2f"), ("CPU s", 7, ".2f"), ("peak MB", 8, ",.0f")
FILES, SIZE, SPEED = ("files", 7, ","), ("out MB", 7, ",.0f"), ("rows/s", 10, ",.0f")


def options(parser: argparse.ArgumentParser, contenders, repeat: int):
    """What every contest may be told."""
    parser.add_argument("--repeat", type=int, default=repeat, help="the best counts")
    parser.add_argument("--only", help="names, as in " + ",".join(contenders))


def best_of(repeat: int, make_command, *given) -> Found:
    """MAKE_COMMAND(*GIVEN) is asked before every run, in an empty OUT: it may prepare, and that is not measured. Short runs waver
    more than long ones: whoever is quick is repeated until ten seconds are spent, six times at most."""
    best, runs, spent = None, 0, 0.0
    while runs < repeat or (runs < 6 and spent < 10):
        clean()
        command = make_command(*given)
        found = measure(*command) if isinstance(command, tuple) else measure(command)
        best, runs, spent = min(best or found, found), runs + 1, spent + found.wall
    return best


def contest(contenders: dict, arguments, *given, width=38, count_files=False, rows=None, most_peak=None) -> bool:
    """Every chosen contender, one line each; false when one gave wrong rows or too much memory.

    contenders   name: (title, a function of GIVEN to a command line, or to it and what its environment has more)
    rows         how many each must have written, where it writes at all
    most_peak    name: MB that it may take
    """
    table, good = Table("", width, WALL, CPU, PEAK, *([FILES] if count_files else []), SIZE), True
    for name in (arguments.only or ",".join(contenders)).split(","):
        title, command = contenders[name]
        try:
            found = best_of(arguments.repeat, command, *given)
        except Missing as missing:
            table.words(title, f"not installed: {missing}")
            continue
        except (RuntimeError, OSError) as error:
            table.words(title, f"fails: {last_words(error)}")
            continue
        paths, faults = files(), []
        if paths and rows and rows_written() != rows:
            faults.append(f"{rows_written():,} rows!")
        if found.peak > (most_peak or {}).get(name, found.peak):
            faults.append(f"over {most_peak[name]} MB!")
        size = sum(path.stat().st_size for path in paths) / 1e6 if paths else None
        good &= not faults
        table.row(title, *found, *([len(paths)] if count_files else []), size, words=" ".join(faults))
    remove_all()
    return good
