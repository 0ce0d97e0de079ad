import re

from tests.cli.command import run
from torana.assembly import studio


def test_the_engine_is_compiled_and_says_so() -> None:
    done = run("engine", "warm")
    assert (done.exit_code, done.stderr) == (0, "")
    assert re.fullmatch(r"The engine is warm \(\d+\.\d s\)\.\n", done.stdout)


def test_without_the_engine_it_says_how_to_get_it(monkeypatch) -> None:
    monkeypatch.setattr(studio, "installed", lambda _: False)
    done = run("engine", "warm")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "pip install torana[engine]" in done.stderr


def test_an_engine_that_cannot_be_loaded_is_a_failure(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    tmp_path.joinpath("numba.py").write_text("raise ImportError('broken')")
    done = run("engine", "warm")
    assert done.exit_code == 1
    assert "The engine cannot be loaded" in done.stderr
    assert "Traceback" not in done.stdout
