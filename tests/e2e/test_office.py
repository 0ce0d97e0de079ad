"""One gateway with its office, as everybody has it who configures nothing."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI, RateLimitError

from tests.e2e.gateway import AUTH, SECRET, TORANA, Gateway, launch, token, wait_until
from tests.e2e.shop import PRICE, SHOP, draw, shop, status
from tests.e2e.wire import ask, fetch, head

BUDGET = """\
database: {}
budgets: [{name: five-cents, limit: "0.05", every: ever, per: [user], alerts: [0.5]}]
"""


@contextmanager
def running(directory: Path, config: str, **environ: str) -> Iterator[Gateway]:
    """A gateway with its office; after the block it ends well, unless the test has ended it."""
    gateway = launch(directory, config, environ)
    try:
        wait_until(lambda: gateway.get("/readyz").status == 200, 60)
        yield gateway
        if gateway.process.poll() is None:
            gateway.process.terminate()
            assert gateway.process.wait(30) == 0, gateway.log
        wait_until(lambda: not gateway.pids, 30)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(gateway.process.pid, signal.SIGKILL)
        gateway.process.wait(30)


def command(directory: Path, *words: str) -> Any:
    """What a command says, as JSON."""
    done = subprocess.run(
        [TORANA, *words, "--config", "gateway.yaml", "--json"],
        cwd=directory,
        env={**os.environ, "E2E_SECRET": SECRET},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def rows(directory: Path, sql: str) -> list[tuple[Any, ...]]:
    """None while there are no tables: a gateway that begins with nothing serves before its office does."""
    place = directory / "torana-data" / "torana.db"
    try:
        with closing(sqlite3.connect(f"{place.as_uri()}?mode=ro", uri=True)) as database:
            return database.execute(sql).fetchall()
    except sqlite3.OperationalError:
        return []


def test_a_budget_is_kept_over_kill_9_and_what_was_under_way_counts_as_spent(tmp_path: Path) -> None:
    with shop() as (port, sold):
        config = SHOP.format(port=port) + BUDGET
        with running(tmp_path, config) as gateway:
            # At the very beginning the office may not have said yet what was spent before.
            wait_until(lambda: status(draw(gateway, "one", token())) == 200, 10)
            assert status(draw(gateway, "two", token())) == 200
            hanging = threading.Thread(target=draw, args=(gateway, "slow 20", token()))
            hanging.start()
            wait_until(lambda: "slow 20" in sold)
            os.kill(gateway.process.pid, signal.SIGKILL)
            gateway.process.wait(10)
            hanging.join(30)
        with running(tmp_path, config) as gateway:
            wait_until(lambda: status(draw(gateway, "again", token())) == 200, 10)
            assert [status(draw(gateway, name, token())) for name in "xyz"] == [200, 429, 429]
            assert status(draw(gateway, "another's", token(sub="grace"))) == 200
            wait_until(lambda: len(rows(tmp_path, "SELECT 1 FROM ledger WHERE model IS NOT NULL")) >= 7)
        charged = dict(rows(tmp_path, "SELECT json_extract(metadata, '$.call'), charged FROM ledger WHERE charged > 0"))
        assert charged == dict.fromkeys(["one", "two", "slow 20", "again", "x", "another's"], PRICE)
        assert rows(tmp_path, "SELECT error, cost FROM ledger WHERE error = 'lost'") == [("lost", None)]
        assert sorted(rows(tmp_path, "SELECT share, amount FROM spend")) == [
            ("user=ada", 5 * PRICE),
            ("user=grace", PRICE),
        ]
        assert rows(tmp_path, "SELECT share, threshold FROM alerts") == [("user=ada", 0.5)]


def test_what_a_caller_is_told_who_has_spent_his_budget(tmp_path: Path) -> None:
    with (
        shop() as (port, sold),
        running(tmp_path, SHOP.format(port=port) + BUDGET) as gateway,
        OpenAI(base_url=f"{gateway.url}/v1", api_key=token(), max_retries=3) as client,
    ):
        wait_until(lambda: status(draw(gateway, "one", token())) == 200, 10)
        with pytest.raises(RateLimitError) as refused:
            client.images.generate(model="draw", prompt="five at once", n=5, size="256x256")
        error: Any = refused.value
        assert (error.type, error.code) == ("insufficient_quota", "insufficient_quota")
        assert "'five-cents'" in error.message
        assert error.response.headers["x-torana-rule"] == "five-cents"
        # The client was told that asking again is in vain.
        assert gateway.metric("torana_limit_refusals_total", limit="five-cents") == 1
        assert sold == ["one"]
        wait_until(lambda: rows(tmp_path, "SELECT 1 FROM ledger WHERE rule IS NOT NULL"))
        told = command(tmp_path, "explain", error.response.headers["x-request-id"])
        assert told["rules"][0]["name"] == "five-cents"


def test_the_admin_api_has_a_port_of_its_own_where_it_is_given_one(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    config = f"""\
providers: {{echo: {{type: echo}}}}
models: {{vary: {{targets: [{{target: echo/echo}}]}}}}
database: {{}}
admin: {{port: {port}}}
access: {{roles: {{auditor: ["user:ada"]}}}}
"""
    with running(tmp_path, config) as gateway:
        wait_until(lambda: _open(port))
        asked = head({"authorization": f"Bearer {token()}"}, method="GET", path="/admin/whoami")
        assert ask(("127.0.0.1", port), asked, "GET").json["role"] == "auditor"
        assert ask(gateway.address, asked, "GET").status == 404
        assert fetch(f"http://127.0.0.1:{port}/v1/models").status == 404


def _open(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def test_a_database_of_a_newer_version_is_not_served_on(tmp_path: Path) -> None:
    config = "providers: {echo: {type: echo}}\nmodels: {vary: {targets: [{target: echo/echo}]}}\ndatabase: {}\n"
    tmp_path.joinpath("gateway.yaml").write_text(AUTH + config)
    with running(tmp_path, config):
        pass
    with closing(sqlite3.connect(tmp_path / "torana-data" / "torana.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()
    gateway = launch(tmp_path, config)
    assert gateway.process.wait(30) == 2
    assert "revision 9999, which this version does not know" in gateway.log


def test_an_office_that_dies_is_begun_again_and_no_call_notices(tmp_path: Path) -> None:
    with shop() as (port, _), running(tmp_path, SHOP.format(port=port) + "database: {}\n") as gateway:
        for number in range(3):
            assert status(draw(gateway, f"before {number}", token())) == 200
            os.kill(_office(gateway), signal.SIGKILL)
            assert status(draw(gateway, f"after {number}", token())) == 200
            wait_until(partial(_known, tmp_path, f"after {number}"))
        assert len(rows(tmp_path, "SELECT id FROM ledger")) == 6


def _office(gateway: Gateway) -> int:
    def found() -> list[int]:
        return [pid for pid in gateway.pids if b"torana.assembly.office" in _command(pid)]

    wait_until(found)
    return found()[0]


def _command(pid: int) -> bytes:
    with suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def _known(directory: Path, name: str) -> bool:
    with suppress(sqlite3.OperationalError):
        return bool(rows(directory, f"SELECT 1 FROM ledger WHERE json_extract(metadata, '$.call') = '{name}'"))
    return False
