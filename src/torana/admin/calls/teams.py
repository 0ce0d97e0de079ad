"""Teams, and who is in them."""

import re
from collections.abc import Callable, Iterable
from typing import Annotated, Any

from msgspec import Meta, Struct, structs

from torana.admin.operation import Ask, Desk, Operation
from torana.admin.rights import check_change
from torana.admin.wire import Deleted, Nothing, Page, Paged, Text, Time, owner_of, page_of, time_of
from torana.config.model import NAME
from torana.core.errors import InvalidRequest, NotFound
from torana.core.registry import OPERATOR, Subject, Team
from torana.storage.sql.change import Change

_NAME = re.compile(NAME)


class TeamView(Struct, frozen=True, kw_only=True):
    """A team."""

    name: str
    description: str
    created: Time


class TeamShown(TeamView, frozen=True, kw_only=True):
    """A team and who is in it."""

    members: Annotated[tuple[str, ...], Meta(description="Such as `user:anna`.")]


class TeamChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What a team is to be."""

    description: Text = ""


def listed(desk: Desk, ask: Ask[Paged, Nothing]) -> Page[TeamView]:
    """All of them, by name."""
    found = page_of(desk.registers.teams(), ask.query, lambda team: team.name)
    return Page(tuple(_view(team) for team in found.data), found.next)


def show(desk: Desk, ask: Ask[Nothing, Nothing]) -> TeamShown:
    """One, with its members."""
    team = _found(desk.registers.team(ask.path["team"]), ask)
    everybody = [*desk.registers.subjects("user"), *desk.registers.subjects("service_account")]
    return _shown(team, everybody)


def put(desk: Desk, ask: Ask[Nothing, TeamChange]) -> TeamView:
    """Makes one or changes what it says of itself."""
    name = ask.path["team"]
    if not _NAME.fullmatch(name):
        raise InvalidRequest(
            "A team's name has letters, digits, `.`, `_` and `-`, and begins with a letter or digit; 64 at most.",
            param="team",
        )
    with desk.registers.change(ask.asker.actor) as change:
        known = change.team(name) or Team(name, created=desk.clock.now())
        team = structs.replace(known, description=ask.body.description)
        change.put_team(team)
    return _view(team)


def delete(desk: Desk, ask: Ask[Nothing, Nothing]) -> Deleted:
    """Takes one away, from its members too."""
    with desk.registers.change(ask.asker.actor) as change:
        team = _found(change.team(ask.path["team"]), ask)
        for member in (each for each in _everybody(change) if team.name in each.teams):
            check_change(ask.asker, member, _without(member, team.name), desk.settings.access.roles)
        change.delete_team(team.name)
    return Deleted(team.name)


def add(desk: Desk, ask: Ask[Nothing, Nothing]) -> TeamShown:
    """Lets a user or a service account into a team."""
    return _changed(desk, ask, lambda member, team: structs.replace(member, teams=(*member.teams, team)))


def remove(desk: Desk, ask: Ask[Nothing, Nothing]) -> TeamShown:
    """Takes a user or a service account out of it."""
    return _changed(desk, ask, lambda member, _team: member)


def _changed(desk: Desk, ask: Ask[Nothing, Nothing], changed: Callable[[Subject, str], Subject]) -> TeamShown:
    """A team once somebody was changed, who is handed over as if in it no longer."""
    with desk.registers.change(ask.asker.actor) as change:
        team = _found(change.team(ask.path["team"]), ask)
        before = _member(change, ask)
        after = changed(_without(before, team.name), team.name)
        if set(after.teams) != set(before.teams):
            check_change(ask.asker, before, after, desk.settings.access.roles)
            change.put_subject(after)
        return _shown(team, _everybody(change))


def _found(team: Team | None, ask: Ask[Any, Any]) -> Team:
    if team is None:
        raise NotFound(f"There is no team '{ask.path['team']}'.", param="team")
    return team


def _member(change: Change, ask: Ask[Nothing, Nothing]) -> Subject:
    written = ask.path["member"]
    subject = change.subject(*owner_of(written, param="member"))
    if subject is None:
        raise NotFound(f"There is no {written}. Make that entry first, as by `torana users set`.", param="member")
    return subject


def _everybody(change: Change) -> list[Subject]:
    return [*change.subjects("user"), *change.subjects("service_account")]


def _without(member: Subject, team: str) -> Subject:
    return structs.replace(member, teams=tuple(each for each in member.teams if each != team))


def _view(team: Team) -> TeamView:
    return TeamView(name=team.name, description=team.description, created=time_of(team.created))


def _shown(team: Team, everybody: Iterable[Subject]) -> TeamShown:
    members = tuple(f"{each.kind}:{each.name}" for each in everybody if team.name in each.teams)
    return TeamShown(name=team.name, description=team.description, created=time_of(team.created), members=members)


_TEAM = {"team": "The team's name."}
_MEMBER = {**_TEAM, "member": "`user:NAME` or `service_account:NAME`."}

OPERATIONS = (
    Operation("GET", "/teams", "List teams", listed, Page[TeamView], Paged, Nothing),
    Operation("GET", "/teams/{team}", "Show a team", show, TeamShown, Nothing, Nothing, parameters=_TEAM),
    Operation(
        "PUT", "/teams/{team}", "Make or change a team", put, TeamView, Nothing, TeamChange,
        role=OPERATOR, parameters=_TEAM,
    ),
    Operation(
        "DELETE", "/teams/{team}", "Take a team away", delete, Deleted, Nothing, Nothing,
        role=OPERATOR, parameters=_TEAM,
    ),
    Operation(
        "PUT", "/teams/{team}/members/{member:path}", "Let somebody into a team", add, TeamShown, Nothing, Nothing,
        role=OPERATOR, parameters=_MEMBER,
    ),
    Operation(
        "DELETE", "/teams/{team}/members/{member:path}", "Take somebody out of a team", remove, TeamShown, Nothing,
        Nothing, role=OPERATOR, parameters=_MEMBER,
    ),
)  # fmt: skip
