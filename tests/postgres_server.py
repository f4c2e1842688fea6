"""A PostgreSQL of the tests' own: Debian's binaries, a data directory and a port of its own, gone with the tests."""

import contextlib
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import time

import psycopg


def binaries() -> pathlib.Path:
    """Those of LEAT_POSTGRES_BIN, else of the newest version that is installed."""
    if os.environ.get("LEAT_POSTGRES_BIN"):
        return pathlib.Path(os.environ["LEAT_POSTGRES_BIN"])
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
        self.set(lines)

    def _run(self, program, *words):
        command = [str(self.bin / program), *map(str, words)]
        if os.getuid() == 0:
            command = ["setpriv", f"--reuid={self.owner}", f"--regid={self.owner}", "--clear-groups", *command]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/", check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stdout.decode(errors="replace"))

    def standby(self, folder: pathlib.Path, settings: dict | None = None) -> "Server":
        """A streaming standby of this server; it answers queries when this returns."""
        other = object.__new__(Server)
        other.folder, other.port, other.bin, other.owner = folder, free_port(), self.bin, self.owner
        other.data = folder / "data"
        folder.mkdir(parents=True)
        if os.getuid() == 0:
            shutil.chown(folder, other.owner)
        self._copy_to(other.data)
        other.set({"unix_socket_directories": f"'{folder}'", **(settings or {})})
        other.start()
        return other

    def _copy_to(self, data: pathlib.Path):
        """As pg_basebackup does, which not every set of binaries has."""
        with self.connect(autocommit=True) as backup:
            old = backup.info.server_version < 150000
            backup.execute("SELECT pg_start_backup('copy', true, false)" if old else "SELECT pg_backup_start('copy', true)")
            subprocess.run(["cp", "-a", self.data, data], stderr=subprocess.DEVNULL, check=False)  # some files go meanwhile
            stop = "pg_stop_backup(false, false)" if old else "pg_backup_stop(false)"
            ((label,),) = backup.execute(f"SELECT labelfile FROM {stop}").fetchall()
        for name in ("postmaster.pid", "postmaster.opts"):
            (data / name).unlink(missing_ok=True)
        for name, text in (("backup_label", label), ("standby.signal", "")):
            (data / name).write_text(text)
            (data / name).chmod(0o600)
            if os.getuid() == 0:
                shutil.chown(data / name, self.owner)
        with (data / "postgresql.auto.conf").open("a") as conf:
            conf.write(f"primary_conninfo = 'host={self.folder} port={self.port} user=admin'\n")

    def caught_up(self, primary: "Server", seconds=10.0):
        """Wait until this standby has replayed what PRIMARY has written."""
        ((until,),) = primary.query("SELECT pg_current_wal_lsn()")
        end = time.monotonic() + seconds
        while not self.query(f"SELECT pg_last_wal_replay_lsn() >= '{until}'")[0][0]:
            if time.monotonic() > end:
                raise TimeoutError(f"the standby is not at {until} after {seconds} s")
            time.sleep(0.02)

    def set(self, settings: dict):
        """Lines of postgresql.conf; for the next start."""
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as conf:
            conf.writelines(f"{name} = {value}\n" for name, value in settings.items())

    def use_tls(self, certificate: pathlib.Path, key: pathlib.Path):
        """From now on connections over TCP are encrypted where the client wants it. The files are copied."""
        for source, name in ((certificate, "server.crt"), (key, "server.key")):
            shutil.copy(source, self.data / name)
            (self.data / name).chmod(0o600)
            if os.getuid() == 0:
                shutil.chown(self.data / name, self.owner)
        self.sql("ALTER SYSTEM SET ssl = on")
        self.sql("SELECT pg_reload_conf()")

    def start(self):
        self._run("pg_ctl", "-D", self.data, "-w", "-l", self.folder / "log", "-o", f"-p {self.port}", "start")

    def stop(self, how="immediate"):
        self._run("pg_ctl", "-D", self.data, "-w", "-m", how, "stop")

    def url(self, database="postgres", user="admin", **words) -> str:
        more = "".join(f"&{name}={value}" for name, value in words.items())
        return f"postgres://{user}@/{database}?host={self.folder}&port={self.port}{more}"

    def connect(self, database="postgres", user="admin", **words) -> psycopg.Connection:
        return psycopg.connect(host=str(self.folder), port=self.port, user=user, dbname=database, **words)

    def version(self) -> int:
        """The major one."""
        return int((self.data / "PG_VERSION").read_text())

    def sql(self, script, database="postgres"):
        with self.connect(database, autocommit=True) as connection:
            connection.execute(script)

    def query(self, statement, database="postgres"):
        with self.connect(database, autocommit=True) as connection:
            return connection.execute(statement).fetchall()
