import json
import os
import pty
import shutil
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.cli.command import end, run, start
from tests.e2e.gateway import PHOTO, PHOTOS

# The first use of the engine on a machine compiles it.
pytestmark = pytest.mark.timeout(180)

SMALL = ("--size", "64x64")


def made(*arguments: str | Path) -> list[dict[str, Any]]:
    """What a command that must go well says in JSON."""
    done = run("vary", "--json", *arguments)
    assert (done.exit_code, done.stderr) == (0, "")
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def check_files(saved: list[dict[str, Any]]) -> None:
    """That the pictures on disk are as they were told."""
    for told in saved:
        with Image.open(told["file"]) as picture:
            assert picture.size == (told["width"], told["height"])
        assert Path(told["file"]).stat().st_size == told["bytes"]
        assert told["milliseconds"] > 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a photograph lies that has the name of another."""
    folder = tmp_path_factory.mktemp("photographs")
    shutil.copy(PHOTOS / "rocket.jpg", folder / "coffee.jpg")
    return folder


@pytest.fixture(scope="module")
def saved(folder: Path) -> list[dict[str, Any]]:
    """Two pictures of each of three photographs."""
    photographs = (PHOTO, PHOTOS / "chelsea.jpg", folder / "coffee.jpg")
    return made(*photographs, "-n", "2", *SMALL, "--seed", "7", "--out", folder / "out")


def test_every_photograph_gets_its_pictures(folder: Path, saved: list[dict[str, Any]]) -> None:
    check_files(saved)
    names = ["coffee-1.png", "coffee-2.png", "chelsea-1.png", "chelsea-2.png", "coffee-3.png", "coffee-4.png"]
    assert [told["file"] for told in saved] == [str(folder / "out" / name) for name in names]
    sources = [PHOTO, PHOTOS / "chelsea.jpg", folder / "coffee.jpg"]
    assert [told["source"] for told in saved[::2]] == [str(source) for source in sources]
    assert len({Path(told["file"]).read_bytes() for told in saved}) == 6
    assert sorted(path.name for path in (folder / "out").iterdir()) == sorted(names)


def test_the_same_seed_gives_the_same_pictures(saved: list[dict[str, Any]]) -> None:
    again = made(PHOTO, "-n", "2", *SMALL, "--seed", "7")
    assert [told["file"] for told in again] == ["out/coffee-1.png", "out/coffee-2.png"]
    for one, other in zip(saved, again, strict=False):
        assert Path(one["file"]).read_bytes() == Path(other["file"]).read_bytes()


def test_together_in_a_format_and_a_folder_of_choice(here: Path) -> None:
    done = run(
        "vary", PHOTOS / "rocket.jpg", PHOTO, "--together", "-n", "1", *SMALL,
        "--format", "jpeg", "--strength", "0.8", "--out", "deep/down", "--sheet",
    )  # fmt: skip
    assert (done.exit_code, done.stderr) == (0, "")
    head, row = done.stdout.splitlines()
    assert head.split() == ["file", "size", "bytes", "ms"]
    assert row.split()[:2] == ["deep/down/rocket-1.jpg", "64x64"]
    with Image.open(here / "deep" / "down" / "rocket-1.jpg") as picture:
        assert (picture.format, picture.size) == ("JPEG", (64, 64))
    with Image.open(here / "deep" / "down" / "rocket-1-sheet.png") as sheet:
        assert sheet.width == 10 + 3 * 266


def test_long_names_are_told_in_full(here: Path) -> None:
    name = f"{'photograph-' * 9}of-mine"
    Image.new("RGB", (120, 80), "teal").save(f"{name}.png")
    done = run("vary", f"{name}.png", "-n", "1", *SMALL)
    assert done.exit_code == 0
    assert f"out/{name}-1.png" in "".join(line.split()[0] for line in done.stdout.splitlines()[1:])


def test_a_terminal_sees_it_grow(here: Path) -> None:
    """And the picture has the size of its photograph, which is the default."""
    Image.new("RGB", (120, 80), "teal").save("small.png")
    ours, theirs = pty.openpty()
    process = start("vary", "small.png", "-n", "1", directory=here, stderr=theirs)
    os.close(theirs)
    shown = b""
    # A terminal whose last user has gone gives an error, not an end.
    with suppress(OSError):
        while piece := os.read(ours, 65536):
            shown += piece
    os.close(ours)
    code, out, _ = end(process)
    assert code == 0, shown
    assert b"varying" in shown
    assert b"0/1" in shown
    assert "small-1.png" in out
    with Image.open(here / "out" / "small-1.png") as picture:
        assert picture.size == (120, 80)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere.jpg"], "'nowhere.jpg' does not exist"),
        ([PHOTO, "nowhere.jpg"], "'nowhere.jpg' does not exist"),
        ([], "Missing argument 'PHOTOS...'"),
        ([PHOTOS], "is a directory"),
        ([PHOTO, "--format", "gif"], "'gif' is not one of 'png', 'webp', 'jpeg'"),
        ([PHOTO, "--count", "many"], "'many' is not a valid integer"),
        ([PHOTO, "--count", "0"], "'n' must be between 1 and 10, not 0."),
        ([PHOTO, "--size", "large"], "'size' must be 'auto' or WIDTHxHEIGHT in pixels"),
        ([PHOTO, "--size", "9x9"], "cannot make 9x9: sides have 16 to 4096 px"),
        ([PHOTO, "--strength", "2"], "'strength' must be a number between 0 (a copy) and 1 (unrelated)."),
        ([PHOTO, "--seed", "-1"], "'seed' must be between 0"),
        ([PHOTO, "--gateway", "gateway.example"], "'gateway.example' is not a URL such as https://gateway.example."),
        ([PHOTO, "--out", PHOTO], "is a file"),
    ],
)
def test_mistakes(here: Path, arguments: list[str | Path], says: str) -> None:
    done = run("vary", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert says in done.stderr
    assert not list(here.iterdir())


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"no picture at all", "not a picture that is supported. Send PNG, JPEG, WebP, GIF, BMP or TIFF."),
        (b"", "empty"),
        (PHOTO.read_bytes()[:20_000], "incomplete"),
    ],
    ids=["text", "nothing", "half"],
)
def test_what_is_no_picture(here: Path, content: bytes, says: str) -> None:
    here.joinpath("photo.jpg").write_bytes(content)
    done = run("vary", "photo.jpg")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("photo.jpg: ")
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_folder_that_cannot_be_made(here: Path) -> None:
    here.joinpath("file").touch()
    done = run("vary", PHOTO, "-n", "1", *SMALL, "--out", "file/out")
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", "file/out: Not a directory\n")


def test_a_gateway_that_is_not_there() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        done = run("vary", PHOTO, "--gateway", url)
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", f"{url} could not be reached.\n")
