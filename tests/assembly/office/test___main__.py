import os
import signal

from tests.assembly.office.kit import config_in, office, until
from torana.assembly.books.places import Places
from torana.assembly.complaints import UNSOUND


def test_what_can_never_work_is_told_in_a_sentence(tmp_path):
    config = config_in(tmp_path, "database: {url: {env: NO_SUCH_DATABASE}}")
    with office(config) as process:
        told = process.stderr.read().decode()
        assert process.wait(15) == UNSOUND
    assert "NO_SUCH_DATABASE" in told
    assert "Traceback" not in told


def test_a_url_that_is_none_is_told_without_what_is_in_it(tmp_path, monkeypatch):
    monkeypatch.setenv("DATABASE", "mysql://root:sesame@host/name")
    config = config_in(tmp_path, "database: {url: {env: DATABASE}}")
    with office(config) as process:
        told = process.stderr.read().decode()
        assert process.wait(15) == UNSOUND
    assert "database.url" in told
    assert "sesame" not in told
    assert "Traceback" not in told


def test_books_wait_for_calls(tmp_path):
    places = Places(tmp_path / "data")
    with office(config_in(tmp_path)) as process:
        until(places.socket.exists)
        assert os.getpriority(os.PRIO_PROCESS, process.pid) > os.getpriority(os.PRIO_PROCESS, 0)


def test_signals_are_for_the_gateway(tmp_path):
    places = Places(tmp_path / "data")
    with office(config_in(tmp_path)) as process:
        until(places.socket.exists)
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            process.send_signal(each)
        seen = places.health.news()
        until(lambda: (news := places.health.news()) is not None and news != seen)
        assert process.poll() is None
        process.stdin.close()
        assert process.wait(15) == 0
