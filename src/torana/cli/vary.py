"""``torana vary``: variations of photographs, in process or from a gateway."""

import json
import re
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any, get_args

import click
import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from torana.assembly.studio import Studio, studio
from torana.cli.complaints import FAILED, complained
from torana.config.units import URL
from torana.core.clock import Clock, SystemClock
from torana.core.content import OutputFormat, Picture
from torana.core.errors import (
    CallerError,
    ToranaError,
    UpstreamAuth,
    UpstreamCut,
    UpstreamRejected,
    UpstreamUnreachable,
)

_EXTENSIONS = {"jpeg": "jpg"}


@dataclass(frozen=True, slots=True)
class Options:
    """What can be asked of the command beside the photographs."""

    count: int
    size: str
    strength: float | None
    seed: int | None
    out: Path
    output_format: str
    sheet: bool
    together: bool
    model: str
    gateway: str | None
    token: str | None
    as_json: bool

    @property
    def fields(self) -> dict[str, str]:
        """The options as a request has them."""
        asked = {
            "model": self.model,
            "n": self.count,
            "size": self.size,
            "strength": self.strength,
            "seed": self.seed,
            "output_format": self.output_format,
        }
        return {name: str(value) for name, value in asked.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Saved:
    """A picture on disk."""

    file: str
    source: str
    width: int
    height: int
    bytes: int
    milliseconds: int
    """From the start of the work on its photograph until all its pictures were done."""


def _url(_context: click.Context, _option: click.Parameter, written: str | None) -> str | None:
    if written is not None and not re.fullmatch(URL, written):
        raise click.BadParameter(f"{written!r} is not a URL such as https://gateway.example.")
    return written


@click.command
@click.argument("photos", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "-n", "--count", default=4, metavar="NUMBER", show_default=True, help="Variations of each photograph, 1 to 10."
)
@click.option(
    "--size",
    default="auto",
    metavar="SIZE",
    show_default=True,
    help="WIDTHxHEIGHT in pixels, or auto for the photograph's own size.",
)
@click.option(
    "--strength", type=float, metavar="NUMBER", help="0 is a copy, 1 is unrelated. Default: what suits the model best."
)
@click.option("--seed", type=int, metavar="NUMBER", help="The same seed gives the same pictures.")
@click.option(
    "--out",
    default="out",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the pictures.",
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(get_args(OutputFormat)),
    default="png",
    show_default=True,
    help="File format of the pictures.",
)
@click.option("--sheet", is_flag=True, help="Write a contact sheet beside the pictures, too.")
@click.option("--together", is_flag=True, help="Make each picture from all the photographs.")
@click.option("--model", default="patchwork", metavar="NAME", show_default=True, help="Model to ask for.")
@click.option(
    "--gateway", metavar="URL", callback=_url, help="Ask the gateway at this URL instead of the embedded engine."
)
@click.option(
    "--token", metavar="TOKEN", envvar="TORANA_TOKEN", show_envvar=True, help="Token that opens that gateway."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@complained
def vary(photos: tuple[Path, ...], **given: Any) -> int:  # noqa: ANN401 - what the options above say
    """Make variations of photographs.

    With the embedded engine, which needs no server, or with a gateway. The pictures are named after the photograph:
    coffee.jpg gives coffee-1.png, coffee-2.png and so on, and the contact sheet coffee-1-sheet.png.
    """
    options = Options(**given)
    groups = [photos] if options.together else [(photo,) for photo in photos]
    try:
        saved = uvloop.run(_vary_all(groups, options))
    except CallerError:
        raise
    except ToranaError as error:
        click.echo(_failure(error, options), err=True)
        return FAILED
    _show(saved, as_json=options.as_json)
    return 0


def _failure(error: ToranaError, options: Options) -> str:
    """What went wrong, said of the gateway where one was asked: its provider knows it as an upstream."""
    match error:
        case UpstreamAuth():
            return f"{options.gateway} does not accept the token. Give one with --token or in TORANA_TOKEN."
        case UpstreamUnreachable() if not isinstance(error, UpstreamCut):
            return f"{options.gateway} could not be reached."
        case UpstreamRejected():
            asked = f"Does it serve the model {options.model!r}? Name another with --model."
            return f"{options.gateway} refused the request. {asked}"
        case _:
            return f"{options.gateway}: {error.message}" if options.gateway else error.message


async def _vary_all(groups: Sequence[Sequence[Path]], options: Options) -> list[Saved]:
    saved: list[Saved] = []
    clock = SystemClock()
    # Photographs of the same name in different folders share their numbers, so that no picture overwrites another.
    numbers: defaultdict[str, Iterator[int]] = defaultdict(lambda: count(1))
    with tempfile.TemporaryDirectory() as directory, _progress(len(groups) * options.count) as advance:
        async with studio(Path(directory), options.gateway, options.token) as place:
            for group in groups:
                shared = numbers[group[0].stem]
                saved += await _vary_one(place, group, options, numbers=shared, clock=clock, advance=advance)
    return saved


async def _vary_one(
    place: Studio,
    group: Sequence[Path],
    options: Options,
    *,
    numbers: Iterator[int],
    clock: Clock,
    advance: Callable[[], None],
) -> list[Saved]:
    started = clock.ticks()
    pictures = await place.vary(group, options.fields, on_picture=advance)
    milliseconds = round((clock.ticks() - started) * 1000)
    options.out.mkdir(parents=True, exist_ok=True)
    source = group[0]
    saved = [
        _save(picture, options.out / f"{source.stem}-{number}", source=source, milliseconds=milliseconds)
        for picture, number in zip(pictures, numbers, strict=False)
    ]
    if options.sheet:
        names = [Path(each.file).name for each in saved]
        sheet = options.out / f"{Path(names[0]).stem}-sheet.png"
        sheet.write_bytes(await place.sheet(group, pictures, names))
    return saved


def _save(picture: Picture, stem: Path, *, source: Path, milliseconds: int) -> Saved:
    info = picture.info
    path = stem.with_name(f"{stem.name}.{_EXTENSIONS.get(info.format, info.format)}")
    path.write_bytes(picture.data)
    return Saved(str(path), str(source), info.size.width, info.size.height, len(picture.data), milliseconds)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """A bar on stderr, in a terminal only."""
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("varying"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task("varying", total=total)
        yield lambda: bar.advance(task)


def _show(saved: Sequence[Saved], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([asdict(each) for each in saved], indent=2))
        return
    # Folded, not cut: a path is there to be used.
    table = Table(Column("file", overflow="fold"), "size", "bytes", "ms", box=None, pad_edge=False)
    for each in saved:
        table.add_row(each.file, f"{each.width}x{each.height}", f"{each.bytes:,}", str(each.milliseconds))
    Console().print(table)
