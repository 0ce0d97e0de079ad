"""Writes the parts of the docs that the code knows best; with ``--check``, fails where they lag behind it.

python docs/generate.py [--check]
"""

import ast
import sys
import types
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

import click
import msgspec
from matrix import families
from prometheus_client.metrics import MetricWrapperBase

import torana as torana_package
from torana.admin.openapi import document
from torana.admin.routes import EVERY, ROOT
from torana.cli.main import torana
from torana.config.model import Settings
from torana.core import errors
from torana.core.price import Price
from torana.families.base import Family
from torana.families.images import EDIT, EDITS, GENERATE, GENERATIONS, VARIATIONS, VARY
from torana.families.listed import FAMILIES
from torana.providers.base import ANY, Declaration, declarations
from torana.providers.imaging.ability import FREE, Ability
from torana.providers.retired import RETIRED
from torana.telemetry.signals import Signals

DOCS = Path(__file__).parent
NOTE = "<!-- Made by `make docs` from the code; edit there. -->\n\n"

PROVIDERS = """\
Each account in the configuration names one of these types. A model there is asked for as `account/model`, or stands
behind a model of your own naming.

In the tables, **variations** are native unless they are made *by words*: then the model edits the picture, and is told
how by a prompt of ours (`images.prompts`). **Sources** and **pictures** are the most of one upstream call; for more
pictures there are more calls, and further sources are left out. **Sizes** are those that the upstream is asked for: the
one nearest to what the client wants, who then gets his own exactly. **Fields** are those it knows beside `prompt`, `n`
and `size`, with its own scale from 0 to 1 of our `strength`; what is left out or not known is named in the reply's
header `x-torana-ignored`. **Formats** are those that it can be asked for: the client gets the one he wants from all.
**Prices** are in US dollars, with where they were read and when; an account's `prices` overrule them. Where the price
is unknown, so is the cost of a call: never nothing.
"""


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
    if isinstance(value, tuple):
        return f"`[{', '.join(map(str, value))}]`"
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
    signals = Signals()
    values = [value for each in (signals, signals.books, signals.usage) for value in vars(each).values()]
    return [value for value in values if isinstance(value, MetricWrapperBase)]


def error_codes() -> str:
    """Every kind of error."""
    text = '# Errors\n\nEvery error is OpenAI\'s object: `{"error": {"message", "type", "param", "code"}}`, all four'
    text += (
        " members always there.\nThe usual `code` stands first; more of them may come. Whether a model's next target"
    )
    text += " is tried is said for the usual\n`fallback_on`. Once an upstream may charge, the error goes out with"
    text += " `x-should-retry: false`.\n"
    text += "A target that has no such field (`unsupported_parameter`) is passed over; this is told when no other"
    text += " failed.\n\n"
    text += "| status | `type` | `code` | when | the next target is tried |\n|---|---|---|---|---|\n"
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.ToranaError)]
    special = _special_codes()
    for kind in sorted(kinds, key=lambda kind: (kind.status, kind.__name__)):
        if kind.default_code:
            codes = _named([kind.default_code, *sorted(special[kind.__name__] - {kind.default_code})])
            summary = (kind.__doc__ or "").split("\n")[0].replace("``", "`")
            text += f"| {kind.status} | `{kind.type}` | {codes} | {summary} | {'yes' if kind.retryable else 'no'} |\n"
    return text


def _special_codes() -> dict[str, set[str]]:
    """Codes beside the usual one that the code gives to errors, by the kind of error."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in Path(str(torana_package.__file__)).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                codes = [each.value for each in node.keywords if each.arg == "code"]
                found[node.func.id] |= {str(code.value) for code in codes if isinstance(code, ast.Constant)}
    return found


def providers() -> str:
    """Every type of provider, and what each of its models can do."""
    text = f"# Providers\n\n{PROVIDERS}\n| `type` | what it is | its API |\n|---|---|---|\n"
    for declared in declarations().values():
        text += f"| [`{declared.type}`](#{declared.type}) | {declared.summary} | {_where(declared)} |\n"
    return text + "".join(_provider(declared) for declared in declarations().values())


def _where(declared: Declaration) -> str:
    if declared.base_url is None:
        return "yours: `base_url`" if "base_url" in declared.needs else "here"
    return f"`{declared.base_url}`"


def _provider(declared: Declaration) -> str:
    text = f"\n## {declared.type}\n\n{declared.summary}"
    if declared.needs:
        needs = sorted(f"options.{name}" if name in declared.options else name for name in declared.needs)
        text += f" Needs {_named(needs)}."
    text += f" {declared.note}" if declared.note else ""
    text += "\n\n" + "".join(f"- `options.{name}`: {what}\n" for name, what in declared.options.items())
    text += "\n" if declared.options else ""
    spoken = [family.operation for family in FAMILIES if family.operation in _said(declared)]
    text += f"Words: {_named(spoken)} ([how](families.md)).\n\n" if spoken else ""
    if not declared.abilities:
        return text + _prices(declared)
    text += "| models | what they do | sources | pictures | sizes | fields | formats | price |\n"
    text += "|---|---|---|---|---|---|---|---|\n"
    for cells, models in _alike(declared).items():
        text += f"| {_models(models, of_many=len(declared.abilities) > 1)} | {' | '.join(cells)} |\n"
    told = _prices(declared)
    return f"{text}\n{told}" if told else text


def _said(declared: Declaration) -> frozenset[str]:
    """What can be asked for in words, of any of its models."""
    return frozenset().union(*map(declared.spoken, (ANY, *declared.spoken_models)))


def _prices(declared: Declaration) -> str:
    """The models of language that it is known to have, with their prices."""
    rows = [(model, declared.spoken_price(model)) for model in declared.spoken_models]
    if not rows:
        return ""
    told = "".join(f"| `{model}` | {_price(price)} |\n" for model, price in rows)
    return f"| models of language | price |\n|---|---|\n{told}"


def _alike(declared: Declaration) -> dict[tuple[str, ...], list[str]]:
    """Models by what is told of them."""
    found: dict[tuple[str, ...], list[str]] = {}
    for model, ability in declared.abilities.items():
        cells = (
            _doing(ability),
            str(ability.sources) if ability.operations - {GENERATE} else "",
            str(ability.most),
            str(ability.canvas),
            ", ".join(_known(ability)),
            _named(sorted(ability.formats)),
            _price(ability.price),
        )
        found.setdefault(cells, []).append(model)
    return found


def _models(names: list[str], *, of_many: bool) -> str:
    named = [name for name in names if name != ANY]
    others = ["any other" if of_many else "any"] if ANY in names else []
    return ", ".join([f"`{name}`" for name in sorted(named)] + others)


def _doing(ability: Ability) -> str:
    vary = "variations by words" if ability.prompted else "variations"
    told = {VARY: vary, EDIT: "edits", GENERATE: "generations"}
    return ", ".join(words for operation, words in told.items() if operation in ability.operations)


def _known(ability: Ability) -> Iterator[str]:
    if ability.most_seed is not None:
        yield "`seed`"
    if ability.strength is not None:
        yield f"`strength` (there {ability.strength.close:g} to {ability.strength.far:g})"
    elif ability.prompted and VARY in ability.operations:
        yield "`strength` (in words)"
    if ability.mask:
        yield "`mask`"
    yield from (f"`{name}`" for name in sorted(ability.wishes))


def _price(price: Price | None) -> str:
    if price is None:
        return "unknown"
    if price == FREE:
        return "0, on your own machines"
    return f"{' + '.join(_parts(price))} ({price.source}, {price.dated})"


def _parts(price: Price) -> Iterator[str]:
    single = {"a call": price.per_request, "a picture": price.per_image, "a megapixel": price.per_megapixel}
    single |= {"a million characters": price.per_million_characters, "a minute": price.per_minute}
    yield from (f"{amount:f} {each}" for each, amount in single.items() if amount is not None)
    several = {"a picture": price.by_kind, "a million tokens": price.per_million_tokens}
    for each, amounts in several.items():
        if amounts:
            yield ", ".join(f"{amount:f} (`{kind}`)" for kind, amount in amounts.items()) + f" {each}"


def _named(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def retired() -> str:
    """Models that are gone."""
    text = (
        "# Retired models\n\nTheir makers took them away. Who asks for one is told so (404 `model_not_found`), and what"
    )
    text += "\nreplaced it, unless a model of your own naming has its name.\n\n"
    text += "| model | replaced by |\n|---|---|\n"
    text += "".join(f"| `{model}` | {_named(living)} |\n" for model, living in sorted(RETIRED.items()))
    return text


def fields(family: Family[Any, Any]) -> str:
    """A family's fields."""
    ways = {"a form": family.fields, "JSON": family.json_fields}
    taken = {way: {field.name for field in its_fields} for way, its_fields in ways.items() if its_fields}
    text = f"# `{family.method} {family.path}`\n\n{family.description} Takes {' or '.join(taken)}, at"
    text += f" {' and '.join(f'`{path}`' for path in family.paths)}; the whole contract is at `/openapi.json`.\n\n"
    text += "| field | needed | what it is |\n|---|---|---|\n"
    for field in {field.name: field for field in (*family.fields, *family.json_fields)}.values():
        ways_in = [way for way, names in taken.items() if field.name in names]
        told = field.description
        told += f" *In {ways_in[0]} only.*" if len(ways_in) < len(taken) else ""
        told += " *Extension.*" if field.extension else ""
        text += f"| `{field.name}` | {'yes' if field.required else ''} | {told} |\n"
    return text


ADMIN = f"""\
Under `{ROOT}`, on the gateway's own port or on `admin.port`, for the [role](access.md#teams-and-roles) in the table
and those above it. It takes the keys and tokens that calls take: `Authorization: Bearer <key>`. Bodies and replies are
JSON, errors are [OpenAI's object](errors.md), here also with 409 `conflict` and 503 `database_unavailable`. Times are
RFC 3339, such as `2026-01-31T12:00:00Z`, money is US dollars as text, durations are text such as `30d`. Lists come in
pages: the `next` of one is the `after` of the following, null is the end. `{ROOT}/openapi.json` tells programs all of
this.

| | role | what it does | query | body | reply |
|---|---|---|---|---|---|
"""


def admin() -> str:
    """Every call of the admin API, and what it takes and gives."""
    described = document(EVERY, root=ROOT, version=version("torana"))
    text = f"# The admin API\n\n{ADMIN}"
    queries: dict[str, Any] = {}
    asked = set()
    for operation in EVERY:
        path = ROOT + operation.path.replace(":path}", "}")
        told = described["paths"][path][operation.method.lower()]
        query = {each["name"]: each["schema"] for each in told["parameters"] if each["in"] == "query"}
        queries = {**query, **queries}
        body = _shape(_json_of(told["requestBody"])) if "requestBody" in told else ""
        asked.add(body)
        reply = _shape(_json_of(told["responses"][str(operation.status)]))
        cells = (f"`{operation.method} {path}`", operation.role, operation.summary, _named(query), body, reply)
        text += f"| {' | '.join(cells)} |\n"
    text += "\n## Queries\n\n" + _rows(queries)
    for name, shape in described["components"]["schemas"].items():
        if shape.get("properties") and not name.startswith(("Page_", "ErrorReply", "Problem")):
            needed = shape.get("required", ()) if _shape({"$ref": name}) in asked else ()
            text += f"\n## {name}\n\n{shape.get('description', '')}\n\n{_rows(shape['properties'], needed)}"
    return text


def _json_of(carrier: Mapping[str, Any]) -> Mapping[str, Any]:
    schema: Mapping[str, Any] = carrier["content"]["application/json"]["schema"]
    return schema


def _rows(properties: Mapping[str, Any], needed: Iterable[str] = ()) -> str:
    text = "| field | what it holds | |\n|---|---|---|\n"
    for name, schema in properties.items():
        told = " ".join(filter(None, ("*needed*" if name in needed else "", _told(schema))))
        text += f"| `{name}` | {_shape(schema)} | {told} |\n"
    return text


def _shape(schema: Mapping[str, Any]) -> str:
    """What a value is, in a word or a link."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if not name.startswith("Page_"):
            return f"[{name}](#{name.lower()})"
        return f"page of {_shape({'$ref': name.removeprefix('Page_').removesuffix('_')})}"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(map(_shape, schema["anyOf"])))
    if "enum" in schema:
        return _named(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {_shape(schema.get('items', {}))}"
    kind = schema.get("type", "any JSON")
    return " or ".join(kind) if isinstance(kind, list) else {"date-time": "time"}.get(schema.get("format", ""), kind)


def _told(schema: Mapping[str, Any]) -> str:
    found = [each["description"] for each in (schema, *schema.get("anyOf", ())) if each.get("description")]
    return found[0].split("\n")[0] if found and not found[0].startswith("RFC 3339") else ""


PAGES: dict[str, Callable[[], str]] = {
    "admin.md": admin,
    "commands.md": commands,
    "edits.md": partial(fields, EDITS),
    "errors.md": error_codes,
    "generations.md": partial(fields, GENERATIONS),
    "families.md": families,
    "metrics.md": metrics,
    "providers.md": providers,
    "retired.md": retired,
    "settings.md": settings,
    "variations.md": partial(fields, VARIATIONS),
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
