"""The main job, end to end: a photograph in, four variations out, through a gateway started for it.

Starts a gateway on a free port, mints a token, asks by the official ``openai`` client over HTTP, and leaves the
pictures and a contact sheet in ``out/demo``. No key, no network.
"""

import base64
import re
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from openai import OpenAI
from PIL import Image, ImageDraw
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
PHOTO = ROOT / "examples" / "photos" / "coffee.jpg"
OUT = ROOT / "out" / "demo"
TORANA = str(Path(sys.executable).with_name("torana"))
COUNT, SIDE = 4, 512
READY_SECONDS = 180
SEED = 2026


@dataclass(frozen=True)
class Gateway:
    """A running gateway and a token for it."""

    url: str
    token: str


@contextmanager
def gateway(directory: Path) -> Iterator[Gateway]:
    """A gateway of our own in a directory, gone when the block ends."""
    token = subprocess.run(  # noqa: S603 - our own command
        [TORANA, "token", "mint", "--subject", "demo", "--ttl", "15m"],
        cwd=directory, check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    log = directory / "gateway.log"
    with log.open("w") as errors:
        server = subprocess.Popen([TORANA, "serve", "--port", "0"], cwd=directory, stderr=errors)  # noqa: S603
    try:
        yield Gateway(_ready(server, log), token)
    finally:
        server.terminate()
        code = server.wait(timeout=60)
    if code != 0:
        raise SystemExit(f"The gateway ended with {code}:\n{log.read_text()}")


def _ready(server: subprocess.Popen[bytes], log: Path) -> str:
    """The server's address, once it can answer; the first start on a machine compiles the engine."""
    deadline = time.monotonic() + READY_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        found = re.search(r"listens on (\S+)", log.read_text())
        if found and _answers(f"{found[1]}/readyz"):
            return found[1]
        time.sleep(0.1)
    raise SystemExit(f"The gateway did not get ready:\n{log.read_text()}")


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as reply:  # noqa: S310 - our own server
            return bool(reply.status == 200)  # noqa: PLR2004
    except URLError:
        return False


def vary(served: Gateway) -> list[bytes]:
    """Four variations by the official client."""
    client = OpenAI(base_url=f"{served.url}/v1", api_key=served.token)
    with PHOTO.open("rb") as photo, warnings.catch_warnings():
        # OpenAI retired the endpoint, so its client calls the method deprecated; here it lives on.
        warnings.simplefilter("ignore", DeprecationWarning)
        reply = client.images.create_variation(
            model="patchwork",
            image=photo,
            n=COUNT,
            size=f"{SIDE}x{SIDE}",  # type: ignore[arg-type]  # the client knows three sizes, the gateway more
            response_format="b64_json",
            extra_body={"seed": SEED},
        )
    return [base64.b64decode(picture.b64_json or "") for picture in reply.data or []]


def contact_sheet(files: list[Path], path: Path) -> None:
    """The photograph and its variations side by side."""
    tile, gap, caption = 300, 10, 22
    sheet = Image.new("RGB", ((tile + gap) * (len(files) + 1) + gap, tile + gap + caption + gap), "white")
    draw = ImageDraw.Draw(sheet)
    for column, file in enumerate([PHOTO, *files]):
        picture = Image.open(file).convert("RGB")
        picture.thumbnail((tile, tile), Image.Resampling.LANCZOS)
        left = gap + column * (tile + gap)
        sheet.paste(picture, (left + (tile - picture.width) // 2, gap + (tile - picture.height) // 2))
        draw.text((left, gap + tile + 6), "source" if column == 0 else file.name, fill="black")
    sheet.save(path)


def main() -> int:
    """Run the demo; 0 when all pictures are there."""
    console = Console()
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress, tempfile.TemporaryDirectory() as directory:
        task = progress.add_task("starting the gateway (the first time, it compiles its engine)", total=None)
        with gateway(Path(directory)) as served:
            progress.update(task, description=f"varying {PHOTO.name} at {served.url}")
            started = time.monotonic()
            pictures = vary(served)
            milliseconds = round((time.monotonic() - started) * 1000)
            progress.update(task, description="stopping the gateway")
        progress.update(task, description="done")
    files = [OUT / f"variation-{number}.png" for number in range(1, len(pictures) + 1)]
    for file, picture in zip(files, pictures, strict=True):
        file.write_bytes(picture)
    contact_sheet(files, OUT / "contact-sheet.png")
    table = Table("file", "size", "bytes", "ms (all four)", title="Variations of examples/photos/coffee.jpg")
    for file in files:
        with Image.open(file) as image:
            size = f"{image.width}x{image.height}"
        table.add_row(str(file.relative_to(ROOT)), size, f"{file.stat().st_size:,}", str(milliseconds))
    table.add_row("out/demo/contact-sheet.png", "", f"{(OUT / 'contact-sheet.png').stat().st_size:,}", "")
    console.print(table)
    return 0 if len(pictures) == COUNT else 1


if __name__ == "__main__":
    sys.exit(main())
