"""Mistakes that only a real database and real folders show: one clear message with its place, exit 2."""

import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

import harness

HEAD = "source: ./shop.db\ntarget: ./lake\n"


@pytest.fixture
def small(shop):
    shop.sql("CREATE TABLE orders (id INTEGER PRIMARY KEY, total DECIMAL(18,2), created_at TIMESTAMP, name TEXT);")
    shop.sql("INSERT INTO orders VALUES (?,?,?,?)", [(1, "1.50", "2013-01-01 10:00:00", "a")])
    return shop


def refused(shop, text, *expected, command="check", flags=()):
    shop.job.write_text(text)
    result = shop.leat(command, "job.yaml", *flags)
    assert result.code == harness.USAGE, result
    message = result.err.strip()
    for words in expected:
        assert words in message, result
    assert not shop.lake.exists() or not list(shop.lake.rglob("*.parquet"))
    return message


CASES = {
    "a table that is not there": ("order: {mode: full-refresh}", "job.yaml:4:3:", "did you mean orders?"),
    "an update_key that is not there": ("orders: {update_key: createdat}", "job.yaml:4:", "did you mean created_at?"),
    "a selected column that is not there": ("orders: {select: [id, totl]}", "job.yaml:4:", "did you mean total?"),
    "a partition column that is not there": (
        "orders: {partition_by: day(create_at)}",
        "job.yaml:4:",
        "did you mean created_at?",
    ),
    "a column of columns that is not there": ("orders: {columns: {totals: int64}}", "job.yaml:4:22:", "total"),
    "a checked column that is not there": ("orders: {checks: {not_null: [nam]}}", "job.yaml:4:20:", "did you mean name?"),
    "a checked column that a query has not": (
        'new: {query: "select id from orders", checks: {not_null: [it]}}',
        "job.yaml:4:49:",
        "did you mean id?",
    ),
    "a where that is not SQL": ("orders: {where: total >}", "job.yaml:4:19:", "where"),
    "a query that is not SQL": ("new: {query: selec * from orders}", "job.yaml:4:", "selec"),
    "a query of a table that is not there": ("new: {query: select * from invoices}", "job.yaml:4:", "invoices"),
    "an update_key of a type that can't be one": ("orders: {update_key: name}", "job.yaml:4:", "name"),
    "days of a column that has none": ("orders: {partition_by: day(name)}", "job.yaml:4:", "name"),
    "a compression that is not there": ("orders: {compression: zsdt}", "job.yaml:4:25:", "zstd"),
    "a level that zstd has not": ('orders: {compression: "zstd:40"}', "job.yaml:4:25:", "zstd"),
    "a wildcard that matches nothing": ('"tmp_*": {mode: full-refresh}', "job.yaml:4:3:", "tmp_*"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_about_the_database_is_told_with_its_place(small, name):
    stream, place, word = CASES[name]
    refused(small, f"{HEAD}streams:\n  {stream}\n", place, word)


@pytest.mark.parametrize("command", ["run", "plan"])
@pytest.mark.parametrize("name", CASES)
def test_the_same_mistake_ends_a_run_before_it_begins(small, name, command):
    job, place, word = CASES[name]
    message = refused(small, f"{HEAD}streams:\n  {job}\n", place, command=command)
    assert word in message.replace('"', ""), message  # the source quotes the name it found


def test_a_file_that_is_not_there_is_told_with_its_place(small):
    refused(small, "source: ./shops.db\ntarget: ./lake\nstreams: {orders: }\n", "job.yaml:1:9:", "there is no file")


def test_three_slashes_where_two_were_meant_are_told(small):
    message = refused(small, "source: sqlite:///shop.db\ntarget: ./lake\nstreams: {orders: }\n", "job.yaml:1:9:")
    assert str(small.db) in message and "absolute" in message


def test_a_file_in_the_current_directory_is_told(small):
    below = small.folder / "below"
    below.mkdir()
    (below / "job.yaml").write_text("source: ./shop.db\ntarget: ./lake\nstreams: {orders: }\n")
    result = small.leat("check", "below/job.yaml")
    assert result.code == harness.USAGE and "below/job.yaml:1:9:" in result.err, result
    assert f"{small.db} is there, in the current directory" in result.err, result


def test_a_file_that_may_not_be_read_is_told(small):
    """As nobody where the tests run as root: root may read everything. The binary is copied to where nobody may run it."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        for file in (small.db, small.binary):
            shutil.copy(file, folder)
        (folder / small.db.name).chmod(0)
        (folder / "job.yaml").write_text(HEAD + "streams: {orders: }\n")
        done = subprocess.run(
            [folder / pathlib.Path(small.binary).name, "check", "job.yaml"],
            cwd=folder,
            capture_output=True,
            text=True,
            user=65534 if os.geteuid() == 0 else None,
        )
    assert done.returncode == harness.USAGE, done
    assert "job.yaml:1:9:" in done.stderr and "no permission to read" in done.stderr, done


def test_a_job_file_that_is_not_there_is_told(small):
    result = small.leat("check", "jop.yaml")
    assert result.code == harness.USAGE and "jop.yaml" in result.err, result


def test_a_choice_of_streams_that_matches_nothing_is_told(small):
    refused(small, HEAD + "streams: {orders: }\n", "has no stream", "did you mean orders?", flags=["order"])


def test_a_mistake_of_set_is_told_by_its_path(small):
    refused(
        small, HEAD + "streams: {orders: }\n", "--set streams.orders.mod", "did you mean mode?",
        flags=["--set", "streams.orders.mod=full-refresh"],
    )


def test_json_carries_the_message_too(small):
    small.job.write_text(HEAD + "streams: {order: }\n")
    result = small.leat("check", "job.yaml", "--json")
    assert result.code == harness.USAGE, result
    assert result.json["error"]["status"] == "bad configuration" and "job.yaml:3:11" in result.json["error"]["message"]


def test_a_database_that_is_none_is_a_finding_of_check(small):
    small.db.write_bytes(b"this is a letter, not a database\n" * 100)
    small.job.write_text(HEAD + "streams: {orders: }\n")
    result = small.leat("check", "job.yaml")
    assert result.code != 0 and "shop.db" in result.out + result.err, result


def test_no_output_holds_a_secret(small):
    small.job.write_text("source: env:SHOP_URL\ntarget: ./lake\nstreams: {orders: }\n")
    url = "sqlserver://reader:hunter2@db/shop?token=sesame"
    for command in ("check", "plan", "run", "status", "discover"):
        result = small.leat(command, "job.yaml", "--json", env={"SHOP_URL": url})
        assert result.code != 0
        assert "hunter2" not in result.out + result.err and "sesame" not in result.out + result.err, result


def test_no_message_about_a_url_holds_its_secret(small):
    url = "sqlserver://reader:hunter2@db/shop?token=sesame"
    for arguments in (["discover", url], ["init", url], ["vacuum", url], ["discover", url, "--json"]):
        result = small.leat(*arguments)
        assert result.code != 0
        assert "hunter2" not in result.out + result.err and "sesame" not in result.out + result.err, result


def test_init_writes_a_job_that_loads(small):
    result = small.leat("init", "shop.db", "-o", "first.yaml")
    assert result.code == 0, result
    assert small.leat("check", "first.yaml").code == 0
    assert small.leat("run", "first.yaml").code == 0
    before = (small.folder / "first.yaml").read_bytes()
    assert small.leat("init", "shop.db", "-o", "first.yaml").code == harness.USAGE
    assert (small.folder / "first.yaml").read_bytes() == before


ODD_TABLES = """
CREATE TABLE "odd name; drop" ("select" INTEGER, "a b" TEXT, "Quote""d" REAL); INSERT INTO "odd name; drop" VALUES (1, 'x', 2);
CREATE TABLE "!bang*" (x INTEGER); INSERT INTO "!bang*" VALUES (1);
CREATE TABLE "${HOME}" (x INTEGER); INSERT INTO "${HOME}" VALUES (1);
CREATE TABLE "a.b" (x INTEGER); INSERT INTO "a.b" VALUES (1);
CREATE TABLE b (x INTEGER); INSERT INTO b VALUES (1);
CREATE TABLE "a/b" (x INTEGER); INSERT INTO "a/b" VALUES (1);
CREATE TABLE ".." (x INTEGER); INSERT INTO ".." VALUES (1);
CREATE TABLE "two
lines" (x INTEGER); INSERT INTO "two
lines" VALUES (1);
CREATE TABLE "yes" (x); INSERT INTO "yes" VALUES (x'ff');
CREATE TABLE strict_one (a INT, b ANY) STRICT; INSERT INTO strict_one VALUES (1, x'00');
CREATE VIEW broken AS SELECT * FROM gone;
"""


def test_init_on_a_database_of_odd_names_writes_a_job_that_runs_at_once(small):
    small.sql(ODD_TABLES)
    assert small.leat("init", "shop.db", "-o", "odd.yaml").code == 0
    result = small.leat("run", "odd.yaml", "--json")
    assert result.code == 0, result
    written = {stream["stream"]: stream["rows_written"] for stream in result.json["streams"]}
    tables = small.query("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")[0][0]
    assert len(written) == tables and sum(written.values()) >= 10
    assert (small.lake / "two_lines").is_dir(), "readers of Delta take no line break in a path"
    text = small.leat("run", "odd.yaml", "b").out
    assert "1 row in 1 file," in text, text


def test_the_corpus_covers_at_least_forty_mistakes():
    corpus = harness.ROOT / "tests" / "job_errors"
    jobs = {path.stem for path in corpus.glob("*.yaml")}
    assert len(jobs) >= 40 and jobs == {path.stem for path in pathlib.Path(corpus).glob("*.expected")}
