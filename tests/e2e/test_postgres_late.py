"""Writers that commit late, in any order, while runs go on: in the end the table is the source.

LEAT_LATE_RUNS=20 runs the test so often in a row, LEAT_LATE_SECONDS=60 writes for longer."""

import os
import random
import threading
import time

import harness
import pytest
from postgres_shop import rows, write_job

pytestmark = pytest.mark.skipif(not harness.LEAT.exists(), reason=f"no {harness.LEAT}")

RUNS = int(os.environ.get("LEAT_LATE_RUNS", "1"))
SECONDS = float(os.environ.get("LEAT_LATE_SECONDS", "12"))
ZONES = ["America/New_York", "Asia/Kolkata", "Pacific/Apia", "UTC", "Australia/Lord_Howe", "Europe/London", "Pacific/Niue",
         "Asia/Kathmandu"]
PREPARED_AT_ONCE = threading.Semaphore(3)  # of 5 that the server allows


class Writer(threading.Thread):
    """Transactions of a few rows each that take up to 5 seconds."""

    def __init__(self, server, schema, number, seed, stop):
        super().__init__()
        self.server, self.schema, self.number, self.stop = server, schema, number, stop
        self.random, self.error, self.count = random.Random(seed), None, 0

    def run(self):
        try:
            with self.server.connect(autocommit=True) as connection:
                connection.execute(f"SET TimeZone = '{ZONES[self.number]}'")
                while not self.stop.is_set():
                    self.transaction(connection)
                    self.count += 1
        except Exception as error:  # told by the test: a thread's own exception is lost
            self.error = error

    def insert(self, connection):
        for _ in range(self.random.randint(1, 3)):  # of one moment: ties
            connection.execute(f"INSERT INTO {self.schema}.events (writer) VALUES ({self.number})")

    def pause(self):
        time.sleep(self.random.choice([0, 0.01, 0.1, self.random.uniform(0, 5)]))

    def transaction(self, connection):
        connection.execute("BEGIN")
        if self.random.random() < 0.2:
            self.pause()  # open, without a number of its own
        self.insert(connection)
        if self.random.random() < 0.4:
            connection.execute("SAVEPOINT one")
            self.insert(connection)
            connection.execute(self.random.choice(["ROLLBACK TO one", "RELEASE one"]))
        self.pause()
        self.insert(connection)
        if self.random.random() < 0.08 and PREPARED_AT_ONCE.acquire(blocking=False):
            try:
                name = f"{self.schema}_{self.number}_{self.count}"
                connection.execute(f"PREPARE TRANSACTION '{name}'")
                self.pause()
                connection.execute(f"{self.random.choice(['COMMIT', 'COMMIT', 'ROLLBACK'])} PREPARED '{name}'")
            finally:
                PREPARED_AT_ONCE.release()
        else:
            connection.execute(self.random.choice(["COMMIT", "COMMIT", "COMMIT", "ROLLBACK"]))


class Loader(threading.Thread):
    """Runs of one job, one after the other."""

    def __init__(self, folder, schema, name, url, key, more, stop):
        super().__init__()
        self.shop, self.stop, self.name, self.schema = harness.Shop(folder / name), stop, name, schema
        self.marks, self.results, self.error = [], [], None
        write_job(self.shop, url, f"{schema}.events: {{mode: incremental, update_key: {key}}}", more)

    def once(self):
        result = self.shop.run()
        self.results.append(result)
        mark = result.stream()["watermark"]
        if mark is not None:
            self.marks.append(int(mark) if mark.isdigit() else mark)

    def run(self):
        try:
            while not self.stop.is_set():
                self.once()
                time.sleep(0.1)
        except BaseException as error:
            self.error = error

    def loaded(self):
        return rows(self.shop, self.schema, "events", "id", "at", "writer")


@pytest.mark.parametrize("number", range(RUNS))
def test_rows_that_are_committed_late_are_not_missed(server, schema, standby, tmp_path, number):
    server.sql(f"CREATE TABLE {schema}.events (id bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), writer int,"
               f" wall timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'));"
               f"CREATE INDEX ON {schema}.events (at); CREATE INDEX ON {schema}.events (wall)")
    server.sql(f"INSERT INTO {schema}.events (writer) SELECT -1 FROM generate_series(1, 100)")
    standby.caught_up(server)
    seed = random.randrange(2**32)
    stop = threading.Event()
    fence = f", fence: '{server.url()}'"
    loaders = [
        Loader(tmp_path, schema, "id", server.url(), "id", ", settle: 0 s", stop),
        Loader(tmp_path, schema, "at", server.url(), "at", ", settle: 0 s", stop),
        Loader(tmp_path, schema, "xmin", server.url(), "xmin", "", stop),
        Loader(tmp_path, schema, "standby-id", standby.url(), "id", ", settle: 0 s" + fence, stop),
        Loader(tmp_path, schema, "standby-at", standby.url(), "at", ", settle: 0 s" + fence, stop),
        Loader(tmp_path, schema, "standby-xmin", standby.url(), "xmin", "", stop),
        Loader(tmp_path, schema, "unfenced", server.url(), "wall", ", settle: 0 s", stop),  # no instant: the largest seen
    ]
    writers = [Writer(server, schema, i, seed + i, stop) for i in range(len(ZONES))]
    for loader in loaders:
        loader.once()
    for thread in writers + loaders:
        thread.start()
    time.sleep(SECONDS)
    stop.set()
    for thread in writers + loaders:
        thread.join()
    for thread in writers + loaders:
        assert thread.error is None, (seed, thread.name, thread.error)
    time.sleep(1.2)
    standby.caught_up(server)
    source = sorted(server.query(f"SELECT id, at, writer FROM {schema}.events"), key=repr)
    assert len(source) > 130, source
    for loader in loaders:
        published = sum(r.stream()["outcome"] == "published" for r in loader.results)
        assert len(loader.results) >= 3 and published >= 1, (seed, loader.name, loader.results)
        loader.once()
        assert loader.marks == sorted(loader.marks), (seed, loader.name)  # it never goes back
        loaded = loader.loaded()
        if loader.name == "unfenced":  # proof that rows were late: by the largest key they are missed
            assert set(loaded) < set(source), seed
        else:
            missed, more = set(source) - set(loaded), len(loaded) - len(source)
            assert loaded == source, (seed, loader.name, sorted(missed), more)
    moved = {loader.name for loader in loaders if len(set(loader.marks)) > 2}
    assert moved - {"unfenced"}, seed  # bounds moved while writers wrote
