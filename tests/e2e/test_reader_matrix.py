"""Every type with its extremes, written by leat, read by eight readers and compared value by value.

`write_values` (tests/unit/format/write_values.c) writes the values of tests/readers/extremes.py as they are; what a reader
can't hold is in one table, tests/readers/files/deviations.py, and told in docs/types.md. `scripts/check` builds the program;
LEAT_WRITE_VALUES names another one.
"""

import functools
import itertools
import operator
import os
import pathlib
import subprocess

import pytest

from readers import extremes
from readers.files import FILE_READERS, deviations, table
from readers.files.deviations import DEVIATIONS, Becomes, Refuses, Wrong

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILT = ROOT / "build-check" / "gcc" / "tests" / "unit" / "format" / "write_values"
PROGRAM = pathlib.Path(os.environ.get("LEAT_WRITE_VALUES", BUILT))

CODECS = ["zstd:1", "snappy", "gzip", "lz4_raw", "none"]
LAYOUTS = {
    "compatible": ["page_rows=64"],
    "dense": ["page_rows=64", "encoding=dense"],
    "plain": ["page_rows=64", "dictionary=false"],
    "filtered": ["page_rows=17", "encoding=dense", "dictionary=false", "bloom_filter=int64,text,float64,fixed_binary,date,decimal38_10"],
}
FILES = [*itertools.product(["compatible", "dense"], CODECS), ("plain", "zstd:1"), ("filtered", "zstd:1")]


class Shelf:
    """Files of the extremes, written when asked for; what a reader said of them, asked once."""

    def __init__(self, folder):
        assert PROGRAM.exists(), f"{PROGRAM} is not built: run scripts/check gcc, or set LEAT_WRITE_VALUES"
        self.folder = folder
        self.values = folder / "values.json"
        self.values.write_text(extremes.document())

    def write(self, name, columns, options):
        path = self.folder / f"{name}.parquet"
        command = [PROGRAM, self.values, path, "--groups", "2"]
        for option in options:
            command += ["--option", option]
        for column in extremes.NAMES:
            command += [] if column in columns else ["--without", column]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
        return path

    @functools.cache
    def matrix(self, reader):
        """Answers to all FILES, of the columns that the reader takes."""
        columns = [name for name in extremes.NAMES if name not in deviations.refused(reader)]
        paths = [
            self.write(f"{reader}-{layout}-{codec.replace(':', '')}", columns, [*LAYOUTS[layout], f"compression={codec}"])
            for layout, codec in FILES
        ]
        return dict(zip(FILES, FILE_READERS[reader](paths, columns), strict=True))

    @functools.cache
    def refusals(self, reader):
        """Answers to files of one column each that the reader is said to refuse."""
        names = deviations.refused(reader)
        answers = []
        for name in names:  # each with its own list of columns
            path = self.write(f"{reader}-{name}", ["row", name], LAYOUTS["compatible"])
            answers.append(next(iter(FILE_READERS[reader]([path], ["row", name]))))
        return dict(zip(names, answers))


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    return Shelf(tmp_path_factory.mktemp("shelf"))


def differences(reader, name, found):
    """Empty, or the first rows that are not as they should be."""
    what = DEVIATIONS[reader].get(name)
    expected, equal = extremes.EXPECTED[name], operator.eq
    if isinstance(what, Wrong):
        return [] if found != expected else [f"{name} is read as it is: take its line out of deviations.py"]
    if isinstance(what, Becomes):
        changed = [what.change(value) for value in expected]
        assert changed != expected, f"{name}: the deviation changes nothing"
        expected, equal = changed, what.equal
    if len(found) != len(expected):
        return [f"{name}: {len(found)} values, {len(expected)} were written"]
    pairs = enumerate(zip(found, expected))
    wrong = [(i, got, want) for i, (got, want) in pairs if not equal(got, want)]
    return [f"{name}: row {i}: {got!r:.200} instead of {want!r:.200}" for i, got, want in wrong[:2]]


@pytest.mark.parametrize("layout,codec", FILES, ids=["-".join(file) for file in FILES])
@pytest.mark.parametrize("reader", FILE_READERS)
def test_a_reader_gives_every_value(shelf, reader, layout, codec):
    answer = shelf.matrix(reader)[layout, codec]
    refused = deviations.PROFILES.get((reader, "dense" if "encoding=dense" in LAYOUTS[layout] else "compatible"))
    if refused:
        assert isinstance(answer, BaseException), f"{reader} reads {layout}: take its line out of deviations.py"
        assert refused.pattern in str(answer)
        return
    assert isinstance(answer, dict), f"{reader} refuses the file: {answer}"
    assert set(answer) == set(extremes.NAMES) - set(deviations.refused(reader))
    wrong = [line for name, found in answer.items() for line in differences(reader, name, found)]
    assert not wrong, "\n".join(wrong)


REFUSED = [(reader, name) for reader in FILE_READERS for name in deviations.refused(reader)]


@pytest.mark.parametrize("reader,name", REFUSED, ids=["-".join(pair) for pair in REFUSED])
def test_a_reader_refuses_what_the_table_says(shelf, reader, name):
    answer = shelf.refusals(reader)[name]
    assert isinstance(answer, BaseException), f"{reader} reads {name}: take its line out of deviations.py"
    assert DEVIATIONS[reader][name].pattern.lower() in str(answer).lower()


def test_the_table_names_columns_that_there_are():
    for reader, columns in DEVIATIONS.items():
        assert reader in FILE_READERS
        assert set(columns) <= set(extremes.NAMES)
        assert all(isinstance(what, (Refuses, Becomes, Wrong)) and what.words for what in columns.values())


def test_the_documents_have_the_same_table():
    page = (ROOT / "docs" / "types.md").read_text()
    assert table.markdown() in page, "put what `python -m readers.files.table` prints into docs/types.md"
