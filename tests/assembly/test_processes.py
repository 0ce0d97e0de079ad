import gc
import json
import logging
import os
import pickle
import platform
import stat
import subprocess
import sys

import pytest

from tests.assembly.kit import ENVIRON, settings_in
from torana.assembly.complaints import UNSOUND
from torana.assembly.processes import AppFactory, bounded_protocol, count_out, is_sound, prepare_several
from torana.config.model import Server
from torana.config.units import Bytes, Seconds
from torana.edge.protocol import BoundedProtocol, Bounds


@pytest.fixture(autouse=True)
def garbage():
    """The collector is set back to what it was."""
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


@pytest.fixture
def standard_logging():
    """Whatever takes the process's log lines is taken back."""
    root, ours = logging.getLogger(), logging.getLogger("torana")
    handlers, levels = root.handlers[:], (root.level, ours.level)
    root.handlers.clear()
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("TORANA_JWT_SECRET", ENVIRON["TORANA_JWT_SECRET"])
    file = tmp_path / "torana.yaml"
    file.write_text(
        f"server: {{data_dir: {tmp_path}/data}}\n"
        "auth:\n  issuers:\n"
        "    - {issuer: torana, audience: torana, algorithms: [HS256], secret: {env: TORANA_JWT_SECRET}}\n"
        "providers: {mirror: {type: echo}}\n"
        "telemetry: {log_format: json}\n"
    )
    return file


async def test_the_application_is_made_where_it_runs(config, tmp_path, standard_logging, capsys):
    factory = pickle.loads(pickle.dumps(AppFactory(config, "http://127.0.0.1:1")))
    app = factory()
    logging.getLogger("some.library").warning("%s went wrong", "it")
    assert "/v1/images/variations" in app._routes
    assert (tmp_path / "data" / "pictures").is_dir()
    (line,) = capsys.readouterr().err.splitlines()
    assert (json.loads(line)["source"], json.loads(line)["message"]) == ("some.library", "it went wrong")
    # What lives as long as the process is nothing to look at again and again.
    assert gc.get_freeze_count() > 10_000
    assert gc.get_threshold()[0] >= 10_000
    await app._life.stop()


async def test_a_configuration_that_went_bad_ends_the_process(config, capsys):
    config.write_text("servr: {}")
    with pytest.raises(SystemExit) as ended:
        AppFactory(config, "http://127.0.0.1:1")()
    assert ended.value.code == UNSOUND
    assert "line 1: servr: no such setting." in capsys.readouterr().err


def test_a_gateway_leaves_the_database_and_pictures_to_other_processes(config):
    program = (
        "import asyncio, pathlib, sys\n"
        "import torana.cli.serve\n"
        "from torana.assembly.processes import AppFactory\n"
        "async def build():\n"
        "    app = AppFactory(pathlib.Path(sys.argv[1]), 'http://127.0.0.1:1')()\n"
        "    await app._life.stop()\n"
        "asyncio.run(build())\n"
        "heavy = {'sqlalchemy', 'alembic', 'aiosqlite', 'starlette', 'rich', 'redis', 'PIL', 'numpy', 'numba'}\n"
        "heavy.add('aiohttp')\n"
        "print('loaded:', *heavy & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", program, config], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["loaded:"]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc gives each thread a store of its own")
@pytest.mark.parametrize(("wanted", "is_shared"), [(None, True), ("4", False)])
def test_threads_take_memory_where_all_do_unless_the_operator_says_otherwise(config, tmp_path, wanted, is_shared):
    program = (
        "import asyncio, ctypes, pathlib, sys, threading\n"
        "from torana.assembly.processes import AppFactory\n"
        "libc = ctypes.CDLL(None)\n"
        "libc.fopen.restype = libc.malloc.restype = ctypes.c_void_p\n"
        "async def build():\n"
        "    app = AppFactory(pathlib.Path(sys.argv[1]), 'http://127.0.0.1:1')()\n"
        "    threads = [threading.Thread(target=libc.malloc, args=(100_000,)) for _ in range(20)]\n"
        "    for thread in threads: thread.start()\n"
        "    for thread in threads: thread.join()\n"
        "    await app._life.stop()\n"
        "asyncio.run(build())\n"
        "file = ctypes.c_void_p(libc.fopen(sys.argv[2].encode(), b'w'))\n"
        "libc.malloc_info(0, file)\n"
        "libc.fclose(file)\n"
    )
    environ = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
    environ |= {"MALLOC_ARENA_MAX": wanted} if wanted else {}
    told = tmp_path / "stores.xml"
    subprocess.run([sys.executable, "-c", program, config, told], env=environ, check=True)
    assert (told.read_text().count("<heap ") == 1) is is_shared


def test_the_protocol_has_the_settings_bounds(tmp_path):
    server = Server(
        max_head=Bytes(1000),
        head_timeout=Seconds(2),
        max_connections=3,
        stalled_timeout=Seconds(4),
        max_pipelined=5,
    )
    made = bounded_protocol(settings_in(tmp_path, server=server))
    assert (made.func, made.keywords) == (BoundedProtocol, {"bounds": Bounds(1000, 2.0, 3, 4.0, 5)})  # type: ignore[attr-defined]  # a partial
    assert pickle.loads(pickle.dumps(made)).keywords == made.keywords  # type: ignore[attr-defined]  # as above


def test_several_processes_count_together(tmp_path, monkeypatch):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "what it was before")
    prepare_several(settings_in(tmp_path))
    assert os.environ["PROMETHEUS_MULTIPROC_DIR"] == str(tmp_path / "data" / "metrics")
    assert (tmp_path / "data" / "metrics").is_dir()
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_whether_a_process_could_serve(config, tmp_path, monkeypatch):
    (tmp_path / "data").touch()
    assert not is_sound(config)
    (tmp_path / "data").unlink()
    assert is_sound(config)
    monkeypatch.delenv("TORANA_JWT_SECRET")
    assert not is_sound(config)
    monkeypatch.setenv("TORANA_JWT_SECRET", ENVIRON["TORANA_JWT_SECRET"])
    config.write_text("servr: {}")
    assert not is_sound(config)


def test_one_that_has_ended_is_counted_no_more(tmp_path, monkeypatch):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    for name in ("gauge_livesum_7.db", "gauge_livesum_8.db", "counter_7.db"):
        (tmp_path / name).touch()
    count_out(None)
    count_out(7)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["counter_7.db", "gauge_livesum_8.db"]
