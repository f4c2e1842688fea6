"""One load at three sizes: lineitem of 1, 10 and 60 million rows from SQLite into a Delta table.

    python bench/scale.py [--repeat 3] [--scales 0.1667,1.6667,10] [--memory 256MB]

Rows a second should not depend on the size, nor should the peak memory where the budget binds at all sizes (64MB). The
database of scale 10 takes ten minutes to make and 13 GB of disk in .cache; larger than the page cache, it measures the
disk, too.
"""

import argparse

from contest import CPU, LEAT, PEAK, SPEED, WALL, Table, best_of, clean, count_rows, leat_job, make_database


def leat(db, memory):
    return [LEAT, "run", leat_job(db, "lineitem", "lake"), "--memory", memory, "--quiet"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--scales", default="0.1667,1.6667,10")
    parser.add_argument("--memory", default="256MB")
    arguments = parser.parse_args()
    table = Table("rows", 12, WALL, CPU, SPEED, PEAK)
    for scale in arguments.scales.split(","):
        db = make_database(scale)
        rows = count_rows(db, "lineitem")
        wall, cpu, peak = best_of(arguments.repeat, leat, db, arguments.memory)
        table.row(rows, wall, cpu, rows / wall, peak)
    clean()


if __name__ == "__main__":
    main()
