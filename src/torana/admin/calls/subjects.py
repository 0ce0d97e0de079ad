"""Users and service accounts: who they are, in which teams, with which roles, and whether they are let in."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from torana.admin.operation import Ask, Desk, Operation
from torana.admin.rights import check_change, role_of
from torana.admin.wire import Deleted, Nothing, Page, Paged, TeamName, Time, page_of, time_of
from torana.auth.claims import is_subject
from torana.core.errors import InvalidRequest, NotFound
from torana.core.ledger import Kind
from torana.core.registry import OPERATOR, Key, Subject
from torana.storage.sql.change import Change

_KEYS_AT_ONCE = 500
Role = Literal["admin", "operator", "auditor", "member"]


class SubjectView(Struct, frozen=True, kw_only=True):
    """A user or a service account."""

    kind: Kind
    name: str
    teams: tuple[str, ...]
    roles: tuple[str, ...]
    role: Annotated[str, Meta(description="The role that it comes to, with what the configuration gives.")]
    disabled: bool
    created: Time


class SubjectChange(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a user or a service account is to be; what is left out stays as it is."""

    teams: tuple[TeamName, ...] | UnsetType = UNSET
    roles: tuple[Role, ...] | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET


def listed(desk: Desk, ask: Ask[Paged, Nothing], kind: Kind) -> Page[SubjectView]:
    """All of a kind, by name."""
    found = page_of(desk.registers.subjects(kind), ask.query, lambda subject: subject.name)
    return Page(tuple(_view(desk, subject) for subject in found.data), found.next)


def show(desk: Desk, ask: Ask[Nothing, Nothing], kind: Kind) -> SubjectView:
    """One."""
    return _view(desk, _found(desk.registers.subject(kind, ask.path["name"]), ask, kind))


def put(desk: Desk, ask: Ask[Nothing, SubjectChange], kind: Kind) -> SubjectView:
    """Makes one or changes it."""
    if not is_subject(ask.path["name"]):
        raise InvalidRequest("A name has 1 to 256 characters, all of them visible, as in tokens.", param="name")
    given = {name: value for name, value in structs.asdict(ask.body).items() if value is not UNSET}
    with desk.registers.change(ask.asker.actor) as change:
        known = change.subject(kind, ask.path["name"])
        before = known or Subject(kind, ask.path["name"], created=desk.clock.now())
        after = structs.replace(before, **given)
        _check_teams(change, after)
        check_change(ask.asker, before, after, desk.settings.access.roles)
        change.put_subject(after)
    return _view(desk, after)


def delete(desk: Desk, ask: Ask[Nothing, Nothing], kind: Kind) -> Deleted:
    """Takes one away and ends all its keys, in one step."""
    now = desk.clock.now()
    with desk.registers.change(ask.asker.actor) as change:
        subject = _found(change.subject(kind, ask.path["name"]), ask, kind)
        check_change(ask.asker, subject, Subject(kind, subject.name), desk.settings.access.roles)
        keys = [key for key in _keys_of(change, subject) if key.revoked is None]
        for key in keys:
            change.put_key(structs.replace(key, revoked=now), "revoke")
        change.delete_subject(kind, subject.name)
    return Deleted(f"{kind}:{subject.name}", keys_revoked=len(keys))


def _found(subject: Subject | None, ask: Ask[Nothing, Nothing], kind: Kind) -> Subject:
    if subject is None:
        raise NotFound(f"There is no {kind.replace('_', ' ')} '{ask.path['name']}'.", param="name")
    return subject


def _keys_of(change: Change, subject: Subject) -> list[Key]:
    found: list[Key] = []
    while True:
        last = found[-1].id if found else None
        more = change.keys(owner=(subject.kind, subject.name), limit=_KEYS_AT_ONCE, after=last)
        found += more
        if len(more) < _KEYS_AT_ONCE:
            return found


def _check_teams(change: Change, subject: Subject) -> None:
    """That each of its teams is there: a slip of the pen must not pass for a team that nothing is granted to."""
    for team in subject.teams:
        if change.team(team) is None:
            raise InvalidRequest(f"There is no team '{team}'. Make it first: `torana teams set {team}`.", param="teams")


def _view(desk: Desk, subject: Subject) -> SubjectView:
    return SubjectView(
        kind=subject.kind,
        name=subject.name,
        teams=subject.teams,
        roles=subject.roles,
        role=role_of(subject, desk.settings.access.roles),
        disabled=subject.disabled,
        created=time_of(subject.created),
    )


def _operations(kind: Kind, path: str, what: str) -> tuple[Operation[Any, Any], ...]:
    def of(call: Callable[[Desk, Any, Kind], Any]) -> Callable[[Desk, Any], Any]:
        return lambda desk, ask: call(desk, ask, kind)

    one = f"{path}/{{name:path}}"
    named = {"name": f"The {what}'s name."}
    return (
        Operation("GET", path, f"List {what}s", of(listed), Page[SubjectView], Paged, Nothing),
        Operation("GET", one, f"Show a {what}", of(show), SubjectView, Nothing, Nothing, parameters=named),
        Operation(
            "PUT", one, f"Make or change a {what}", of(put), SubjectView, Nothing, SubjectChange,
            role=OPERATOR, parameters=named,
        ),
        Operation(
            "DELETE", one, f"Take a {what} away, and end its keys", of(delete), Deleted, Nothing, Nothing,
            role=OPERATOR, parameters=named,
        ),
    )  # fmt: skip


OPERATIONS = (
    *_operations("user", "/users", "user"),
    *_operations("service_account", "/service-accounts", "service account"),
)
