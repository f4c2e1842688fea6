"""A PgBouncer before a PostgreSQL of the tests."""

import os
import pathlib
import shutil
import subprocess
import time

import psycopg
from postgres_server import Server, free_port


class Bouncer:
    """It refuses root: then it runs as the server's user. FOLDER: nobody's yet."""

    def __init__(self, server: Server, folder: pathlib.Path, mode: str, pool_size: int = 20):
        self.port, self.server = free_port(), server
        folder.mkdir(parents=True)
        conf = folder / "pgbouncer.ini"
        conf.write_text(
            f"[databases]\npostgres = host={server.folder} port={server.port} user=admin dbname=postgres\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\nauth_type = any\n"
            f"pool_mode = {mode}\ndefault_pool_size = {pool_size}\nlogfile = {folder}/log\n"
        )
        command = [shutil.which("pgbouncer") or "/usr/sbin/pgbouncer", "-q", str(conf)]
        if os.getuid() == 0:
            for path in (folder, conf):
                shutil.chown(path, server.owner)
            command = ["setpriv", f"--reuid={server.owner}", f"--regid={server.owner}", "--clear-groups", *command]
        self.process = subprocess.Popen(command, cwd="/", stderr=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while True:
            try:
                psycopg.connect(self.url()).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def url(self) -> str:
        return f"postgres://admin@127.0.0.1:{self.port}/postgres"

    def stop(self):
        self.process.terminate()
        self.process.wait()
