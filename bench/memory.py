"""Peak resident memory of leat against its budget, on sources made to break it.

    python bench/memory.py [--only NAME,...] [--keep FOLDER]

The peak is VmHWM as wait4 gives it for a process of its own; what may be is the budget and 64 MB. Prints the table of
bench/README.md.
"""

import argparse
import json
import multiprocessing
import os
import pathlib
import shutil
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
os.environ.setdefault("LEAT", str(ROOT / "build" / "leat"))

import harness  # noqa: E402
import heavy  # noqa: E402
from contest import Table  # noqa: E402

ALLOWANCE = 64 * 1000 * 1000

# name: (what it is, source, budgets in MB)
CASES = {
    "wide": ("1,600 columns, 20,000 rows", lambda shop: heavy.wide(shop, 1600, 20000), [256, 64]),
    "huge": ("16 values of 50 MB, two in a row", lambda shop: heavy.huge(shop, 50, 8), [256]),
    "days": ("2,526 partitions, 250,000 rows of 60 columns", lambda shop: heavy.partitioned(shop, 2526, 250000), [256, 64]),
    "10k": ("10,000 partitions, 250,000 rows of 60 columns", lambda shop: heavy.partitioned(shop, 10000, 250000), [256, 64]),
    "one": ("1,000,000 rows of one value", lambda shop: heavy.one_value(shop), [256, 64]),
    "files": ("10,000 partitions, 300 columns", lambda shop: heavy.wide(shop, 300, 50000, 10000), [256, 64]),
    "both": ("1,600 columns, 2,526 partitions", lambda shop: heavy.wide(shop, 1600, 10000, 2526), [256, 64]),
}


def measure(shop, budget):
    """(seconds, peak bytes, report); the peak is wait4's, of a child that an otherwise small process started."""
    shutil.rmtree(shop.lake, ignore_errors=True)
    shop.folder.joinpath("ledger.db").unlink(missing_ok=True)
    report = shop.folder / "report.json"
    started = time.monotonic()
    with open(report, "wb") as out:
        child = os.posix_spawn(
            str(shop.binary),
            shop.command("run", shop.job, "--memory", f"{budget}MB", "--json"),
            shop.environment,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, out.fileno(), 1),
                (os.POSIX_SPAWN_OPEN, 2, str(shop.folder / "stderr"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
            ],
        )
        _, code, usage = os.wait4(child, 0)
    seconds = time.monotonic() - started
    text = report.read_text()
    told = json.loads(text) if text else {}
    return os.waitstatus_to_exitcode(code), seconds, usage, told


def make(shop, source):
    """The database, by a process of its own: memory that this one had would count as its children's."""
    done = shop.folder / "options"
    if not done.exists():
        maker = multiprocessing.get_context("fork").Process(target=lambda: done.write_text(source(shop)))
        maker.start()
        maker.join()
    return done.read_text()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="names, as in " + ",".join(CASES))
    parser.add_argument("--budgets", help="MB, instead of each case's own")
    parser.add_argument("--keep", type=pathlib.Path, help="a folder for the databases, used again")
    arguments = parser.parse_args()
    folder = arguments.keep or pathlib.Path(tempfile.mkdtemp(prefix="leat-memory-"))
    table = Table("", 46, ("budget MB", 9, ""), ("peak MB", 7, ".0f"), ("seconds", 7, ".1f"), ("CPU s", 5, ".1f"), ("files", 6, ""))
    bad = 0
    for name in arguments.only.split(",") if arguments.only else CASES:
        title, source, budgets = CASES[name]
        shop = harness.Shop(folder / name)
        shop.write_job(f"t: {{mode: full-refresh, {make(shop, source)}}}")
        for budget in map(int, arguments.budgets.split(",")) if arguments.budgets else budgets:
            code, seconds, usage, told = measure(shop, budget)
            peak = usage.ru_maxrss * 1024
            over = peak > budget * 1000 * 1000 + ALLOWANCE
            bad += over or code != 0
            files = told["streams"][0]["files"] if code == 0 else 0
            word = f"exit {code}" if code else "over" if over else ""
            cpu = usage.ru_utime + usage.ru_stime
            table.row(title, budget, peak / 1e6, seconds, cpu, files, words=word)
        shutil.rmtree(shop.lake, ignore_errors=True)
    if not arguments.keep:
        shutil.rmtree(folder)
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
