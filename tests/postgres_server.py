"""A PostgreSQL of the tests' own: Debian's binaries, a data directory and a port of its own, gone with the tests."""

import contextlib
import os
import pathlib
import pwd
import shutil
import socket
import subprocess

import psycopg


def binaries() -> pathlib.Path:
    """The newest version that is installed."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: float(p.parts[-3]))
    if not found:
        raise FileNotFoundError("no PostgreSQL below /usr/lib/postgresql; type: scripts/packages check")
    return found[-1].parent


def free_port() -> int:
    with contextlib.closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Server:
    """initdb refuses root: then the server runs as the user that Debian's package made."""

    def __init__(self, folder: pathlib.Path, settings: dict | None = None, bin_folder: pathlib.Path | None = None):
        self.folder, self.port, self.bin = folder, free_port(), bin_folder or binaries()
        self.owner = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        self.data = folder / "data"
        folder.mkdir(parents=True, exist_ok=True)
        if os.getuid() == 0:
            shutil.chown(folder, self.owner)
        if not (self.data / "PG_VERSION").exists():
            self._make(settings)
        self.start()

    def _make(self, settings):
        self._run("initdb", "-D", self.data, "-U", "admin", "-A", "trust", "--locale=C.UTF-8", "-E", "UTF8", "-N")
        lines = {
            "listen_addresses": "'127.0.0.1'",
            "unix_socket_directories": f"'{self.folder}'",
            "fsync": "off",
            "max_prepared_transactions": 5,
            "max_connections": 60,
            **(settings or {}),
        }
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as conf:
            conf.writelines(f"{name} = {value}\n" for name, value in lines.items())

    def _run(self, program, *words):
        command = [str(self.bin / program), *map(str, words)]
        if os.getuid() == 0:
            command = ["setpriv", f"--reuid={self.owner}", f"--regid={self.owner}", "--clear-groups", *command]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/", check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stdout.decode(errors="replace"))

    def start(self):
        self._run("pg_ctl", "-D", self.data, "-w", "-l", self.folder / "log", "-o", f"-p {self.port}", "start")

    def stop(self, how="immediate"):
        self._run("pg_ctl", "-D", self.data, "-w", "-m", how, "stop")

    def url(self, database="postgres", user="admin", **words) -> str:
        more = "".join(f"&{name}={value}" for name, value in words.items())
        return f"postgres://{user}@/{database}?host={self.folder}&port={self.port}{more}"

    def connect(self, database="postgres", user="admin", **words) -> psycopg.Connection:
        return psycopg.connect(host=str(self.folder), port=self.port, user=user, dbname=database, **words)

    def sql(self, script, database="postgres"):
        with self.connect(database, autocommit=True) as connection:
            connection.execute(script)

    def query(self, statement, database="postgres"):
        with self.connect(database, autocommit=True) as connection:
            return connection.execute(statement).fetchall()
