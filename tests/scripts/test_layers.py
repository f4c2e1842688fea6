"""The checker of layers is itself seen failing."""

import pathlib
import subprocess
import sys

import pytest

LAYERS = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "layers"


def check(tmp_path, name, text):
    file = tmp_path / "src" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    done = subprocess.run([sys.executable, LAYERS, tmp_path / "src"], capture_output=True, text=True)
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    "name, text, said",
    [
        ("base/text.c", '#include "batch/batch.h"\n', "base/ may not include batch/"),
        ("storage/local/local.c", '#include "source/source.h"\n', "storage/ may not include source/"),
        ("pipeline/run.c", '#include "source/sqlite/wal.h"\n', "private to source/"),
        ("source/sqlite/a.c", '#include "source/postgres/b.h"\n', "another driver"),
        ("commit/delta/log.c", '#include <sqlite3.h>\n', "known to source/, ledger/ only"),
        ("batch/column.c", "\nint *f(void) { return malloc(4); }\n", "column.c:2: malloc() is not called here"),
        ("format/page.c", "void f(char *a) { (void)strcpy (a, a); }\n", "strcpy() is not called here"),
        ("source/read.c", "int f(void) { return open(0, 0); }\n", "open() is not called here"),
        ("pipeline/run.c", "long f(void) { return time(0); }\n", "time() is not called here"),
        ("util/x.c", "\n", "not in scripts/layers"),
        ("base/text.c", '#include "text.h"\n', "write the path from src/"),
    ],
)
def test_a_breach_is_named_with_its_line(tmp_path, name, text, said):
    code, out = check(tmp_path, name, text)
    assert code == 1 and said in out and name.rsplit("/")[-1] in out


@pytest.mark.parametrize(
    "name, text",
    [
        ("base/memory.c", "void f(void *p) { free(p); }\n"),
        ("batch/batch.c", '#include "base/memory.h"\n#include <string.h>\n'),
        ("source/a.c", "/* malloc(3) */ const char *s = \"free(x)\"; \nint f(struct d *d) { return d->open(1); }\n"),
        ("source/sqlite/a.c", '#include "source/sqlite/b.h"\n#include "source/source.h"\n'),
        ("format/parquet/a.c", '#include "format/thrift/compact.h"\n'),
        ("cli/run.c", '#include "pipeline/pipeline.h"\n'),
        ("ledger/a.c", "#include <sqlite3.h>\n"),
    ],
)
def test_what_is_allowed_passes(tmp_path, name, text):
    assert check(tmp_path, name, text) == (0, "")
