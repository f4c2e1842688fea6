"""The functions that a program's threads spend their time in: perf, sampled by the clock, a library a line.

    python bench/hot_functions.py [--comm encode] [--top 10] [--stages] COMMAND...
    python bench/hot_functions.py postgres

Functions of leat are named one by one (build/leat is not stripped); zstd, SQLite, the C library and the kernel are
a line each, as none of them is ours to change. --stages adds up by what a row passes: the folder of the source says
whose a function is, by the objects beside the program; the kernel's work goes by the call that asked for it.

`postgres` is leat's run of lineitem from the server of postgres.py, by stages: its CPU seconds for a million rows. The
seconds are those of a run without perf, the shares those of one with it.
"""

import argparse
import collections
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

KERNEL_WORK = (
    ("kernel: reading the socket", r"unix_stream_|tcp_|sock_|recvfrom|recvmsg|inet_"),
    ("kernel: writing files, sync", r"vfs_write|pwrite|fsync|ext4_|xfs_|btrfs_|iomap_|copy_file_range|renameat"),
    ("kernel: fresh pages, other", r""),
)
STAGES = (  # folders of src/, libraries; in the order a row meets them
    ("drain and decode", ("source", "batch", "libpq", "libsqlite3")),
    ("dictionaries, encode", ("partition", "format")),
    ("zstd", ("libzstd",)),
    ("assemble, publish, other", ("storage", "commit", "ledger", "job", "json", "pipeline", "thread", "base", "cli", "fault")),
    ("C library and other libraries", ()),
)


def samples(data, comm):
    """(symbol, library, names of the callers) of each sample."""
    command = ["perf", "script", "-i", data, "-F", "comm,ip,sym,dso"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for sample in text.split("\n\n"):
        thread, *frames = [line for line in sample.splitlines() if line.strip()] or [""]
        frames = [line.split() for line in frames if len(line.split()) >= 3]
        if frames and (not comm or thread.split()[0] == comm):
            yield frames[0][1], frames[0][-1].strip("()"), [frame[1] for frame in frames]


def in_kernel(dso):
    return "kernel" in dso or dso.endswith(".ko")


def owner(symbol, dso, program):
    name = pathlib.Path(dso).name
    if name == program.name:
        return symbol.split(".")[0]
    return "(kernel)" if in_kernel(dso) else "(" + name.split(".so")[0] + ")"


def folders(program) -> dict[str, str]:
    """The folder of src/ that each function of PROGRAM comes from."""
    found = {}
    for folder in sorted(program.parent.glob("src/libleat_*.a.p")):
        listed = subprocess.run(
            ["nm", "--defined-only", *folder.glob("*.o")], check=True, capture_output=True, text=True
        ).stdout
        for symbol in re.findall(r" [tT] (\w+)", listed):
            found.setdefault(symbol, folder.name.removeprefix("libleat_").removesuffix(".a.p"))
    return found


def stage(symbol, dso, callers, program, folder_of) -> str:
    if in_kernel(dso):
        return next(name for name, words in KERNEL_WORK if any(re.search(words, caller) for caller in callers))
    library = pathlib.Path(dso).name
    whose = folder_of.get(symbol.split(".")[0], "cli") if library == program.name else library.split(".so")[0]
    return next((name for name, members in STAGES if whose in members), STAGES[-1][0])


def record(command, comm, callers=False) -> list:
    if not shutil.which("perf"):
        raise SystemExit("perf is missing; type: apt-get install linux-perf")
    with tempfile.TemporaryDirectory() as folder:
        data = folder + "/perf.data"
        words = ["perf", "record", "-q", *(["-g"] if callers else []), "-e", "cpu-clock", "-F", "1999", "-o", data]
        subprocess.run([*words, *map(str, command)], check=True, stdout=sys.stderr, stderr=subprocess.DEVNULL)
        return list(samples(data, comm))


def functions(command, comm):
    program = pathlib.Path(command[0])
    return collections.Counter(owner(symbol, dso, program) for symbol, dso, _ in record(command, comm))


def stages(command, comm=None):
    program = pathlib.Path(command[0])
    folder_of = folders(program)
    return collections.Counter(stage(*sample, program, folder_of) for sample in record(command, comm, callers=True))


def show(found, top):
    total = sum(found.values()) or 1
    for name, count in found.most_common(top):
        print(f"{100 * count / total:5.1f} %  {name}")


def postgres(repeat):
    """A table of leat's CPU by stage."""
    import contest
    import postgres as bench

    server = bench.start()
    try:
        ((rows,),) = server.query("SELECT count(*) FROM lineitem")
        cpu = contest.best_of(repeat, bench.leat, server).cpu
        contest.clean()
        found = stages(bench.leat(server))
        contest.clean()
    finally:
        server.stop("fast")
    print(f"leat run of lineitem from PostgreSQL, {rows:,} rows; best of {repeat}\n")
    table = contest.Table("", 32, ("CPU s", 7, ".2f"), ("for 1,000,000 rows", 18, ".3f"), ("share %", 7, ".1f"))
    reading, *others = KERNEL_WORK
    for name, _ in (reading, *STAGES, *others, ("all", ())):
        share = found[name] / sum(found.values()) if name != "all" else 1
        table.row(name, cpu * share, cpu * share / rows * 1e6, 100 * share)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--comm", help="only threads of this name")
    parser.add_argument("--top", type=int, default=10)
    parser.add_argument("--stages", action="store_true", help="by stage instead of by function")
    parser.add_argument("--repeat", type=int, default=3, help="of postgres: runs without perf, the best counts")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="or the word postgres")
    arguments = parser.parse_args()
    if arguments.command == ["postgres"]:
        postgres(arguments.repeat)
    elif arguments.stages:
        show(stages(arguments.command, arguments.comm), None)
    else:
        show(functions(arguments.command, arguments.comm), arguments.top)


if __name__ == "__main__":
    main()
