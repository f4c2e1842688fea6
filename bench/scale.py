"""One load at three sizes: lineitem of 1, 10 and 60 million rows from SQLite into a Delta table.

    python bench/scale.py [--repeat 3] [--scales 0.1667,1.6667,10]

Rows a second should not depend on the size, nor should the peak memory. The database of scale 10 takes ten minutes to
make and 13 GB of disk in .cache; larger than the page cache, it measures the disk, too.
"""

import argparse
import shutil

from contest import LEAT, OUT, clean, count_rows, leat_job, make_database, measure


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--scales", default="0.1667,1.6667,10")
    arguments = parser.parse_args()
    print(f"| {'rows':>12} | {'wall s':>7} | {'CPU s':>7} | {'rows/s':>10} | {'peak MB':>8} |")
    print(f"|{'-' * 13}:|{'-' * 8}:|{'-' * 8}:|{'-' * 11}:|{'-' * 9}:|")
    for scale in arguments.scales.split(","):
        db = make_database(scale)
        rows, best = count_rows(db, "lineitem"), None
        for _ in range(arguments.repeat):
            clean()
            job = leat_job(db, "lineitem", "lake")
            found = measure([LEAT, "run", job, "--memory", "256MB", "--quiet"])
            best = min(best or found, found)
        wall, cpu, peak = best
        print(f"| {rows:12,} | {wall:7.2f} | {cpu:7.2f} | {rows / wall:10,.0f} | {peak:8.0f} |", flush=True)
    shutil.rmtree(OUT, ignore_errors=True)


if __name__ == "__main__":
    main()
