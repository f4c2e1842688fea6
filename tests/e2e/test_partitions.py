"""Tables cut by each transform: every reader finds the rows of the source, each in the partition the transform names."""

import collections
import datetime
import decimal

import pytest

import harness
from harness import USAGE
from readers import READERS, compare, log

ALL = "SELECT * FROM samples"
UTC = datetime.timezone.utc


@pytest.fixture
def samples(shop):
    """Numbers around zero, moments around 1970, texts of one to four bytes a character, and NULLs."""
    shop.sql(
        """
        CREATE TABLE samples (
            id INTEGER PRIMARY KEY, small SMALLINT, total DECIMAL(18,2), moment TIMESTAMP, instant TIMESTAMPTZ,
            born DATE, name TEXT, raw BLOB
        );
        """
    )
    shop.sql("INSERT INTO samples VALUES (?,?,?,?,?,?,?,?)", (sample(i) for i in range(2000)))
    return shop


def sample(i):
    moment = datetime.datetime(1969, 12, 31) + datetime.timedelta(minutes=i * 7, microseconds=i)
    born = datetime.date(1969, 1, 1) + datetime.timedelta(days=i)
    row = (
        i - 41,
        (i % 400) - 200,
        f"{'-' if i % 2 else ''}{i % 900}.{i % 100:02}",
        moment.isoformat(" "),
        moment.isoformat(" ") + "Z",
        born.isoformat(),
        ["a", "é", "ż/=%", "日本語テキスト", "😀😀😀", "north", "nörd"][i % 7] + f" {i % 3}",
        bytes([i % 7, 0, 255]) * (i % 4),
    )
    # every eleventh row lacks one of its values
    lacking = 1 + i // 11 % 7 if i % 11 == 0 else 0
    return tuple(None if lacking == at and at else of for at, of in enumerate(row))


def load(shop, partition, *flags):
    shop.write_job(f"samples: {{mode: full-refresh, partition_by: '{partition}'}}")
    return shop.run(*flags)


# ---- what the transforms are, said a second time ----


def hour(moment):
    return moment.replace(minute=0, second=0, microsecond=0)


def murmur3(data: bytes) -> int:
    mask, seed = 0xFFFFFFFF, 0

    def scramble(block):
        block = block * 0xCC9E2D51 & mask
        return (block << 15 | block >> 17) * 0x1B873593 & mask

    whole = len(data) // 4 * 4
    for at in range(0, whole, 4):
        seed ^= scramble(int.from_bytes(data[at : at + 4], "little"))
        seed = ((seed << 13 | seed >> 19) * 5 + 0xE6546B64) & mask
    seed ^= scramble(int.from_bytes(data[whole:], "little")) ^ len(data)
    seed = (seed ^ seed >> 16) * 0x85EBCA6B & mask
    seed = (seed ^ seed >> 13) * 0xC2B2AE35 & mask
    return seed ^ seed >> 16


def hashed(value) -> bytes:
    if isinstance(value, datetime.datetime):
        value = (value.replace(tzinfo=None) - datetime.datetime(1970, 1, 1)) // datetime.timedelta(microseconds=1)
    elif isinstance(value, datetime.date):
        value = (value - datetime.date(1970, 1, 1)).days
    if isinstance(value, decimal.Decimal):
        unscaled = int(value.scaleb(2))
        size = 1
        while not -(1 << 8 * size - 1) <= unscaled < 1 << 8 * size - 1:
            size += 1
        return unscaled.to_bytes(size, "big", signed=True)
    if isinstance(value, int):
        return value.to_bytes(8, "little", signed=True)
    return value.encode() if isinstance(value, str) else value


def bucket(n):
    return lambda value: (murmur3(hashed(value)) & 0x7FFFFFFF) % n


def cents(n):
    return lambda value: decimal.Decimal(int(value.scaleb(2)) // n * n).scaleb(-2)


TRANSFORMS = [
    ("hour(moment)", "moment", "moment_hour", hour),
    ("hour(instant)", "instant", "instant_hour", hour),
    ("hour(moment) as h", "moment", "h", hour),
    ("truncate(id, 100)", "id", "id_trunc", lambda value: value // 100 * 100),
    ("truncate(small, 7) as seven", "small", "seven", lambda value: value // 7 * 7),
    ("truncate(total, 5000)", "total", "total_trunc", cents(5000)),
    ("truncate(name, 2)", "name", "name_trunc", lambda value: value[:2]),
    ("bucket(id, 16)", "id", "id_bucket", bucket(16)),
    ("bucket(small, 5) as b", "small", "b", bucket(5)),
    ("bucket(total, 8)", "total", "total_bucket", bucket(8)),
    ("bucket(moment, 8)", "moment", "moment_bucket", bucket(8)),
    ("bucket(instant, 8)", "instant", "instant_bucket", bucket(8)),
    ("bucket(born, 8)", "born", "born_bucket", bucket(8)),
    ("bucket(name, 8)", "name", "name_bucket", bucket(8)),
    ("bucket(raw, 8)", "raw", "raw_bucket", bucket(8)),
]


def test_the_hash_here_is_that_of_the_specification():
    for value, expected in [
        (34, 2017239379),
        (datetime.date(2017, 11, 16), -653330422),
        (datetime.datetime(2017, 11, 16, 22, 31, 8), -2047944441),
        ("iceberg", 1210000089),
        (decimal.Decimal("14.20"), -500754589),
    ]:
        assert murmur3(hashed(value)) == expected % 2**32


@pytest.mark.parametrize("partition, column, key, transform", TRANSFORMS, ids=[t[0] for t in TRANSFORMS])
def test_every_reader_finds_the_rows_each_in_its_partition(samples, partition, column, key, transform):
    load(samples, partition)
    table = samples.table("samples")
    assert log.snapshot(table).metadata["partitionColumns"] == [key]
    compare.assert_equal_to_source(table, samples.db, ALL)
    for reader in READERS:
        rows = compare.rows_of(table, [column, key], reader)
        assert len({of for _, of in rows}) > 2, "a transform that puts all rows in one place would pass"
        for value, of in rows:
            assert of == (None if value is None else transform(value)), (reader, value)


def test_transforms_stand_side_by_side(samples):
    samples.write_job(
        'samples: {mode: full-refresh, partition_by: [day(born), "bucket(id, 4)", "truncate(name, 1)"]}'
    )
    samples.sql("DELETE FROM samples WHERE id > 100")
    samples.run()
    table = samples.table("samples")
    assert log.snapshot(table).metadata["partitionColumns"] == ["born_day", "id_bucket", "name_trunc"]
    compare.assert_equal_to_source(table, samples.db, ALL)


# ---- --partitions ----


@pytest.mark.parametrize(
    "partition, value, where",
    [
        ("hour(moment)", "1969-12-31 08:00:00", "strftime('%Y-%m-%d %H', moment) = '1969-12-31 08'"),
        ("hour(instant)", "1970-01-01 23:00:00", "strftime('%Y-%m-%d %H', instant) = '1970-01-01 23'"),
        ("truncate(id, 100)", "-100", "id < 0"),
        ("truncate(total, 5000)", "50.00", "total >= 50 AND total < 100"),
        ("truncate(name, 2)", "日本", "name LIKE '日本%'"),
    ],
)
def test_one_partition_is_loaded_anew_and_no_other(samples, partition, value, where):
    load(samples, partition)
    samples.sql(f"UPDATE samples SET raw = x'2a' WHERE {where}; UPDATE samples SET raw = x'2b' WHERE NOT ({where})")
    changed = samples.query(f"SELECT count(*) FROM samples WHERE {where}")[0][0]
    assert changed > 0
    report = load(samples, partition, "--partitions", value).stream()
    assert [(p["partition"], p["rows"]) for p in report["partition_results"]] == [(value, changed)]
    found = collections.Counter(raw for (raw,) in compare.rows_of(samples.table("samples"), ["raw"]))
    assert found[b"*"] == changed and found[b"+"] == 0


def test_a_bucket_is_loaded_anew_and_no_other(samples):
    load(samples, "bucket(id, 16)")
    samples.sql("UPDATE samples SET raw = x'2a'")
    load(samples, "bucket(id, 16)", "--partitions", "3")
    of_bucket = {key for raw, key in compare.rows_of(samples.table("samples"), ["raw", "id_bucket"]) if raw == b"*"}
    assert of_bucket == {3}


@pytest.mark.parametrize(
    "partition, value, said",
    [
        ("hour(moment)", "1970-01-01 08:30:00", "1970-01-01 08:00:00"),
        ("hour(moment)", "1970-01-01T08:00:00", "1970-01-01 08:00:00"),
        ("hour(moment)", "1970-01-01", "1970-01-01"),
        ("truncate(id, 100)", "-1", "-100"),
        ("truncate(total, 5000)", "70.00", "50.00"),
        ("truncate(name, 2)", "nor", "is no"),
        ("bucket(id, 16)", "16", "from 0 to 15"),
        ("bucket(id, 16)", "-1", "from 0 to 15"),
        ("bucket(name, 16)", "north", "north"),
    ],
)
def test_a_value_that_no_row_can_have_is_wrong_usage(samples, partition, value, said):
    samples.write_job(f"samples: {{mode: full-refresh, partition_by: '{partition}'}}")
    for command in ("run", "plan"):
        result = samples.leat(command, samples.job, f"--partitions={value}")
        assert result.code == USAGE and said in result.err, result
    assert not list(samples.lake.rglob("*.parquet"))


# ---- mistakes ----


@pytest.mark.parametrize(
    "partition, said",
    [
        ("hour(born)", "only a timestamp"),
        ("hour(name)", "only a timestamp"),
        ("truncate(moment, 3)", "integers, decimals, text and JSON"),
        ("truncate(raw, 3)", "integers, decimals, text and JSON"),
        ("bucket(weight, 3)", "have buckets"),
        ("bucket(idd, 3)", 'did you mean "id"'),
    ],
)
def test_a_type_that_the_transform_cannot_take_is_told_with_its_place(samples, partition, said):
    samples.sql("ALTER TABLE samples ADD COLUMN weight REAL")
    samples.job.write_text(
        "source: ./shop.db\ntarget: ./lake\nstreams:\n  samples:\n"
        f"    mode: full-refresh\n    partition_by: {partition}\n"
    )
    result = samples.leat("check", samples.job)
    assert result.code == USAGE and "job.yaml:6:" in result.err, result
    assert said.replace('"', "") in result.err.replace('"', ""), result


def test_a_floor_below_the_type_stops_the_run(samples):
    samples.sql("UPDATE samples SET small = -32768 WHERE id = 7")
    samples.write_job("samples: {mode: full-refresh, partition_by: 'truncate(small, 1000)', columns: {small: int16}}")
    result = samples.run(expect=harness.FAILED)
    assert "-32768" in result.out + result.err, result


def test_another_number_of_buckets_is_held_until_it_is_accepted(samples):
    """The folders of 16 buckets are no places for rows of 8."""
    load(samples, "bucket(id, 16)")
    samples.write_job("samples: {mode: full-refresh, partition_by: 'bucket(id, 8)'}")
    held = samples.run(expect=harness.HELD).stream()
    assert "partition_by" in held["error"]["message"]
    load(samples, "bucket(id, 8)", "--accept-schema")
    table = samples.table("samples")
    compare.assert_equal_to_source(table, samples.db, ALL)
    assert {key for (key,) in compare.rows_of(table, ["id_bucket"])} == set(range(8))


# ---- files at the target size ----


@pytest.mark.parametrize("again", [False, True], ids=["all", "--partitions"])
@pytest.mark.parametrize("workers", ["1", "3"])
def test_at_most_one_file_of_a_partition_is_under_half_the_target(shop, workers, again):
    """Rows of 600 incompressible bytes in partitions of very unequal sizes; what workers and splits there were does not show."""
    target = 500_000
    shop.sql("CREATE TABLE notes (id INTEGER PRIMARY KEY, part INTEGER, note BLOB)")
    shop.sql("INSERT INTO notes VALUES (?,?,randomblob(600))", ((i, (i * i) % 17 // 3) for i in range(20000)))
    shop.write_job(f"notes: {{mode: full-refresh, partition_by: part, file_size: {target}B}}")
    only = ("--partitions", "0") if again else ()
    if again:
        shop.run()
    shop.run("--workers", workers, "--readers", workers, *only)
    table = shop.table("notes")
    sizes = collections.defaultdict(list)
    for add in log.snapshot(table).files.values():
        sizes[add["partitionValues"]["part"]].append(add["size"])
    assert max(map(len, sizes.values())) > 3
    for part, found in sizes.items():
        assert sum(size < target / 2 for size in found) <= 1, (part, found)
        assert max(found) < 2 * target, (part, found)
    compare.assert_equal_to_source(table, shop.db, "SELECT * FROM notes", readers=["duckdb"])
