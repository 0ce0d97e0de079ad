"""Grants, limits and budgets: those of the configuration file, which only the file changes, and those kept here."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from torana.admin.operation import Ask, Desk, Operation
from torana.admin.wire import Deleted, Nothing, Page, Paged, page_of
from torana.config.access import Grant
from torana.config.books import Budget
from torana.config.load import ConfigError, Mistake, from_document, load_text
from torana.config.model import Settings
from torana.config.policies import Limit
from torana.core.errors import Conflict, InvalidRequest, NotFound, TooLarge
from torana.core.registry import OPERATOR
from torana.storage.sql.entries import RuleKind

Rule: TypeAlias = Grant | Limit | Budget
Document: TypeAlias = dict[str, Any]
_MOST = 64 * 1024
"""Bytes of one rule."""
_MISSING = re.compile(r"`(\w+)` is missing")


class RuleView(Struct, frozen=True):
    """A rule, and where it is kept."""

    name: str
    source: Annotated[Literal["file", "database"], Meta(description="Only those of the database can be changed here.")]
    rule: Document


@dataclass(frozen=True, slots=True)
class Sort:
    """A kind of rule: what it is called, what it is made of, and where the configuration has it."""

    kind: RuleKind
    shape: type[Rule]
    place: tuple[str, ...]
    of: Callable[[Settings], Sequence[Rule]]

    def read(self, document: Mapping[str, Any]) -> Rule:
        """The rule that a document is, by the configuration's own checks; ConfigError has every mistake in it."""
        nested: Any = [document]
        for step in reversed(self.place):
            nested = {step: nested}
        return self.of(load_text(json.dumps(nested, ensure_ascii=False)).settings)[0]

    def kept(self, document: Mapping[str, Any]) -> Rule | None:
        """The rule that a document is which was checked when it was kept; None where this version knows it no more."""
        try:
            return from_document(document, self.shape)
        except ValueError:
            return None

    def field(self, mistake: Mistake) -> str | None:
        """The field of the rule that a mistake is in."""
        missing = _MISSING.match(mistake.message)
        within = mistake.path.removeprefix(f"{'.'.join(self.place)}[0]").removeprefix(".")
        return f"{within}.{missing[1]}".removeprefix(".") if missing else within or None


GRANTS = Sort("grant", Grant, ("access", "grants"), lambda settings: settings.access.grants)
LIMITS = Sort("limit", Limit, ("limits",), lambda settings: settings.limits)
BUDGETS = Sort("budget", Budget, ("budgets",), lambda settings: settings.budgets)


def every(desk: Desk, sort: Sort) -> list[RuleView]:
    """All rules of a kind. One of the file hides one of the database that has its name."""
    kept = {document["name"]: RuleView(document["name"], "database", document) for document in _kept(desk, sort)}
    written = {rule.name: RuleView(rule.name, "file", document_of(rule)) for rule in sort.of(desk.settings)}
    return [*{**kept, **written}.values()]


def known(desk: Desk, sort: Sort, name: str) -> RuleView | None:
    """The rule of that name."""
    return next((rule for rule in every(desk, sort) if rule.name == name), None)


def found(desk: Desk, sort: Sort, name: str) -> RuleView:
    """The rule of that name; NotFound where there is none."""
    rule = known(desk, sort, name)
    if rule is None:
        raise _absent(sort, name)
    return rule


def document_of(rule: Rule) -> Document:
    """A rule as the configuration would have it, defaults and all."""
    document: Document = msgspec.to_builtins(rule, enc_hook=str)
    return document


def listed(desk: Desk, ask: Ask[Paged, Nothing], sort: Sort) -> Page[RuleView]:
    """All of a kind, by name."""
    return page_of(every(desk, sort), ask.query, lambda rule: rule.name)


def show(desk: Desk, ask: Ask[Nothing, Nothing], sort: Sort) -> RuleView:
    """One."""
    return found(desk, sort, ask.path["name"])


def put(desk: Desk, ask: Ask[Nothing, Document], sort: Sort) -> RuleView:
    """Makes one or writes it anew, checked as if it stood in the file."""
    name = ask.path["name"]
    _not_of_the_file(desk, sort, name)
    if ask.body.get("name", name) != name:
        raise InvalidRequest(f"The path says '{name}' and the rule another name.", param="name")
    document = document_of(_checked(sort, {**ask.body, "name": name}))
    if sort is BUDGETS and desk.settings.server.processes > 1 and desk.settings.counters.valkey is None:
        raise Conflict("Budgets of several `server.processes` are counted together: set `counters.valkey` first.")
    with desk.registers.change(ask.asker.actor) as change:
        change.put_rule(sort.kind, document)
    return RuleView(name, "database", document)


def delete(desk: Desk, ask: Ask[Nothing, Nothing], sort: Sort) -> Deleted:
    """Takes one away."""
    name = ask.path["name"]
    _not_of_the_file(desk, sort, name)
    with desk.registers.change(ask.asker.actor) as change:
        if not change.delete_rule(sort.kind, name):
            raise _absent(sort, name)
    return Deleted(name)


def _kept(desk: Desk, sort: Sort) -> Iterable[Document]:
    return desk.registers.rules(sort.kind)


def _absent(sort: Sort, name: str) -> NotFound:
    return NotFound(f"There is no {sort.kind} '{name}'.", param="name")


def _not_of_the_file(desk: Desk, sort: Sort, name: str) -> None:
    if any(rule.name == name for rule in sort.of(desk.settings)):
        raise Conflict(
            f"The {sort.kind} '{name}' stands in the configuration file and can only be changed there.", param="name"
        )


def _checked(sort: Sort, document: Mapping[str, Any]) -> Rule:
    if len(msgspec.json.encode(document)) > _MOST:
        raise TooLarge(f"One rule has at most {_MOST:,} bytes.")
    try:
        return sort.read(document)
    except ConfigError as error:
        fields = [(sort.field(mistake), mistake.message) for mistake in error.mistakes]
        told = " ".join(f"{field}: {message}" if field else message for field, message in fields)
        raise InvalidRequest(told, param=fields[0][0]) from error


def _operations(path: str, sort: Sort) -> tuple[Operation[Any, Any], ...]:
    one, named = f"{path}/{{name}}", {"name": f"The {sort.kind}'s name."}
    of = partial(partial, sort=sort)
    return (
        Operation("GET", path, f"List {sort.kind}s", of(listed), Page[RuleView], Paged, Nothing),
        Operation("GET", one, f"Show a {sort.kind}", of(show), RuleView, Nothing, Nothing, parameters=named),
        Operation(
            "PUT", one, f"Make or change a {sort.kind}", of(put), RuleView, Nothing, dict,
            role=OPERATOR, parameters=named, shape=sort.shape,
        ),
        Operation(
            "DELETE", one, f"Take a {sort.kind} away", of(delete), Deleted, Nothing, Nothing,
            role=OPERATOR, parameters=named,
        ),
    )  # fmt: skip


OPERATIONS = (*_operations("/grants", GRANTS), *_operations("/limits", LIMITS), *_operations("/budgets", BUDGETS))
