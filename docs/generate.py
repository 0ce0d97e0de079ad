"""Writes the parts of the docs that the code knows best; with ``--check``, fails where they lag behind it.

python docs/generate.py [--check]
"""

import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

import click
import msgspec
from prometheus_client.metrics import MetricWrapperBase

from torana.cli.main import torana
from torana.config.model import Settings
from torana.core import errors
from torana.families.images import VARIATIONS
from torana.providers.base import declarations
from torana.telemetry.signals import Signals

DOCS = Path(__file__).parent
NOTE = "<!-- Made by `make docs` from the code; edit there. -->\n\n"


def settings() -> str:
    """Every setting with its default."""
    text = "# Settings\n\nA configuration file is YAML. Durations take a unit (`500ms`, `30s`, `5m`, `1h`), sizes too"
    text += " (`64KiB`, `25MiB`).\n`torana config check FILE` reports every mistake at once, with its line.\n"
    for path, struct in _structs(Settings, ""):
        summary = (struct.__doc__ or "").split("\n")[0]
        text += f"\n## `{path or 'the file'}`\n\n{summary}\n\n| setting | default | what it is |\n|---|---|---|\n"
        for field in msgspec.structs.fields(struct):
            text += f"| `{field.encode_name}` | {_default(field)} | {_description(field.type)} |\n"
    return text


def _structs(struct: type[msgspec.Struct], path: str) -> Iterator[tuple[str, type[msgspec.Struct]]]:
    yield path, struct
    for field in msgspec.structs.fields(struct):
        inner, suffix = _inner(field.type)
        if inner is not None:
            yield from _structs(inner, f"{path}.{field.encode_name}{suffix}".lstrip("."))


def _inner(kind: Any) -> tuple[type[msgspec.Struct] | None, str]:  # noqa: ANN401 - types are the values here
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind, ""
    if get_origin(kind) is dict:
        return _inner(get_args(kind)[1])[0], ".NAME"
    if get_origin(kind) is tuple:
        return _inner(get_args(kind)[0])[0], "[]"
    if get_origin(kind) in (Annotated, Union, types.UnionType):
        return next((found for arg in get_args(kind) if (found := _inner(arg))[0]), (None, ""))
    return None, ""


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "*needed*"
    value = field.default
    if value is msgspec.NODEFAULT or value in (None, (), {}):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _description(kind: Any) -> str:  # noqa: ANN401 - as above
    parts = get_args(kind)
    told = [part.description for part in parts if isinstance(part, msgspec.Meta) and part.description]
    told += [description for part in parts if (description := _description(part))]
    if told:
        return told[0]
    inner, _ = _inner(kind)
    return (inner.__doc__ or "").split("\n")[0] if inner else ""


def commands() -> str:
    """The help of every command."""
    text = "# Commands\n"
    for path, command in _commands(torana, "torana"):
        context = click.Context(command, info_name=path, max_content_width=100, terminal_width=100)
        text += f"\n## `{path}`\n\n```\n{command.get_help(context)}\n```\n"
    return text


def _commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=path)
        for name in command.list_commands(context):
            if inner := command.get_command(context, name):
                yield from _commands(inner, f"{path} {name}")


def metrics() -> str:
    """Every metric of ours."""
    text = "# Metrics\n\n`GET /metrics`, for Prometheus. Labels take their values from the configuration and the code,"
    text += " never from a caller.\n\n| metric | kind | labels | what it tells |\n|---|---|---|---|\n"
    for metric in sorted(_metrics(), key=lambda found: found._name):  # noqa: SLF001 - the library tells it nowhere else
        labels = ", ".join(f"`{label}`" for label in metric._labelnames)  # noqa: SLF001
        name = metric._name + ("_total" if metric._type == "counter" else "")  # noqa: SLF001
        text += f"| `{name}` | {metric._type} | {labels} | {metric._documentation} |\n"  # noqa: SLF001
    return text


def _metrics() -> list[MetricWrapperBase]:
    return [value for value in vars(Signals()).values() if isinstance(value, MetricWrapperBase)]


def error_codes() -> str:
    """Every kind of error."""
    text = '# Errors\n\nEvery error is OpenAI\'s object: `{"error": {"message", "type", "param", "code"}}`, all four'
    text += " members always there.\nA picture's own faults carry OpenAI's image codes beside `invalid_image`:"
    text += " `empty_image_file`, `invalid_image_format`, `image_parse_error`, `image_too_large`.\n\n"
    text += "| status | `type` | usual `code` | when | another target is tried |\n|---|---|---|---|---|\n"
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.ToranaError)]
    for kind in sorted(kinds, key=lambda kind: (kind.status, kind.__name__)):
        if kind.default_code:
            summary = (kind.__doc__ or "").split("\n")[0]
            tried = "yes" if kind.retryable else "no"
            text += f"| {kind.status} | `{kind.type}` | `{kind.default_code}` | {summary} | {tried} |\n"
    return text


def providers() -> str:
    """Every type of provider."""
    text = "# Providers\n\n| `type` | what it is | operations | models | settings it needs | settings it takes |\n"
    text += "|---|---|---|---|---|---|\n"
    for declared in declarations().values():
        row = (declared.operations, declared.models, declared.needs, declared.takes)
        cells = " | ".join(", ".join(f"`{name}`" for name in sorted(names)) for names in row)
        text += f"| `{declared.type}` | {declared.summary} | {cells} |\n"
    return text


def fields() -> str:
    """The flagship's fields."""
    text = f"# `{VARIATIONS.method} {VARIATIONS.path}`\n\n{VARIATIONS.description} Answers at"
    text += f" {' and '.join(f'`{path}`' for path in VARIATIONS.paths)}; the whole contract is at `/openapi.json`.\n\n"
    text += "| field | needed | what it is |\n|---|---|---|\n"
    for field in VARIATIONS.fields:
        told = f"{field.description}{' *Extension.*' if field.extension else ''}"
        text += f"| `{field.name}` | {'yes' if field.required else ''} | {told} |\n"
    return text


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands,
    "errors.md": error_codes,
    "metrics.md": metrics,
    "providers.md": providers,
    "settings.md": settings,
    "variations.md": fields,
}


def main() -> int:
    """Write the pages, or say which of them lag behind."""
    lagging = []
    for name, page in PAGES.items():
        path, text = DOCS / name, NOTE + page()
        if "--check" in sys.argv:
            if not path.exists() or path.read_text() != text:
                lagging.append(name)
        else:
            path.write_text(text)
    if lagging:
        print(f"Lagging behind the code: {', '.join(lagging)}. Run `make docs`.", file=sys.stderr)
    return 1 if lagging else 0


if __name__ == "__main__":
    sys.exit(main())
