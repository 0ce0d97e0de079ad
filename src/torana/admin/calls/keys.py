"""Virtual keys: made, listed, rotated, revoked. A key's text is in one reply and never again, its digest in none."""

from typing import Annotated, Any

from msgspec import Meta, Struct, structs

from torana.admin.operation import Ask, Desk, Operation
from torana.admin.rights import check_reach
from torana.admin.wire import Name, Nothing, Owner, Page, Paged, Text, Time, maybe_time, owner_of, page, time_of
from torana.auth.virtual_keys import Minted, mint
from torana.config.units import Seconds
from torana.core.errors import Conflict, InvalidRequest, NotFound
from torana.core.registry import OPERATOR, Key, Subject
from torana.storage.sql.change import Change

_LONGEST = 100 * 365 * 86400.0
_MAKING = {"user": "`torana users set", "service_account": "`torana service-accounts set"}


class KeyView(Struct, frozen=True, kw_only=True):
    """A virtual key, as far as it is shown."""

    id: str
    owner: Owner
    name: str
    state: Annotated[str, Meta(description="`active`, `expired` or `revoked`.")]
    created: Time
    expires: Time | None
    revoked: Time | None
    models: tuple[str, ...] | None
    successor: Annotated[str | None, Meta(description="Id of the key that it was rotated to.")]


class KeyMade(KeyView, frozen=True, kw_only=True):
    """A new key, with its text, which is shown this once."""

    key: str


class NewKey(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A key that is to be."""

    owner: Owner
    name: Annotated[Text, Meta(description="What its holder calls it.")] = ""
    expires: Time | None = None
    ttl: Annotated[Seconds, Meta(description="How long it is good for, instead of `expires`.")] | None = None
    models: (
        Annotated[tuple[Name, ...], Meta(description="The only models it is good for. Default: all of its owner's.")]
        | None
    ) = None


class Rotation(Struct, frozen=True, forbid_unknown_fields=True):
    """How a key is replaced."""

    grace: Annotated[Seconds, Meta(description="How long the old one goes on.")] = Seconds(86400)
    ttl: (
        Annotated[Seconds, Meta(description="How long the new one is good for. Default: as long as the old.")] | None
    ) = None


class KeysWanted(Paged, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which keys are listed."""

    owner: Owner | None = None


def create(desk: Desk, ask: Ask[Nothing, NewKey]) -> KeyMade:
    """Makes a key for somebody who is known here and has no more rights than whoever asks."""
    wanted = ask.body
    kind, name = owner_of(wanted.owner)
    now = desk.clock.now()
    minted = mint()
    key = Key(
        minted.id,
        minted.digest,
        kind,
        name,
        name=wanted.name,
        created=now,
        expires=_expiry(wanted, now),
        models=wanted.models,
    )
    with desk.registers.change(ask.asker.actor) as change:
        owner = change.subject(kind, name)
        if owner is None:
            raise NotFound(
                f"There is no {wanted.owner}. Make that entry first: {_MAKING[kind]} {name}`.", param="owner"
            )
        check_reach(ask.asker, owner, desk.settings.access.roles)
        if owner.disabled:
            raise Conflict(f"{wanted.owner} is disabled, and so would any key of that owner be.", param="owner")
        change.put_key(key, "create")
    return _made(key, minted, now)


def listed(desk: Desk, ask: Ask[KeysWanted, Nothing]) -> Page[KeyView]:
    """Keys, revoked and expired ones too, perhaps of one owner."""
    wanted = ask.query
    owner = owner_of(wanted.owner) if wanted.owner else None
    found = desk.registers.keys(owner=owner, limit=wanted.limit + 1, after=wanted.after)
    now = desk.clock.now()
    return page([_view(key, now) for key in found], wanted.limit, lambda key: key.id)


def show(desk: Desk, ask: Ask[Nothing, Nothing]) -> KeyView:
    """One key."""
    return _view(_found(desk.registers.key(ask.path["id"]), ask), desk.clock.now())


def rotate(desk: Desk, ask: Ask[Nothing, Rotation]) -> KeyMade:
    """Makes a key in another's place; the other goes on for a while, so that its holder has time to change."""
    now = desk.clock.now()
    minted = mint()
    with desk.registers.change(ask.asker.actor) as change:
        old = _reached(desk, ask, change)
        state = _state(old, now)
        if state != "active" or old.successor is not None:
            told = f"was rotated to {old.successor}" if state == "active" else f"is {state}"
            raise Conflict(f"The key {old.id} {told}. Make a new one instead.", param="id")
        new = structs.replace(
            old, id=minted.id, digest=minted.digest, created=now, expires=_next_expiry(old, ask.body, now)
        )
        ending = structs.replace(old, successor=new.id, expires=_grace_end(old, ask.body, now))
        change.put_key(new, "create")
        change.put_key(ending, "rotate")
    return _made(new, minted, now)


def revoke(desk: Desk, ask: Ask[Nothing, Nothing]) -> KeyView:
    """Ends a key at once; one that is revoked already stays as it is."""
    now = desk.clock.now()
    with desk.registers.change(ask.asker.actor) as change:
        key = _reached(desk, ask, change)
        if key.revoked is None:
            key = structs.replace(key, revoked=now)
            change.put_key(key, "revoke")
    return _view(key, now)


def _found(key: Key | None, ask: Ask[Any, Any]) -> Key:
    if key is None:
        raise NotFound(f"There is no key {ask.path['id']}.", param="id")
    return key


def _reached(desk: Desk, ask: Ask[Any, Any], change: Change) -> Key:
    """The key that is asked for, where the asker may act on its owner's keys."""
    key = _found(change.key(ask.path["id"]), ask)
    owner = change.subject(key.kind, key.owner) or Subject(key.kind, key.owner)
    check_reach(ask.asker, owner, desk.settings.access.roles)
    return key


def _grace_end(old: Key, wanted: Rotation, now: float) -> float:
    """When the key that is replaced ends, which is no later than it would have."""
    if wanted.grace > _LONGEST:
        raise InvalidRequest("A key that is replaced goes on for 100 years at most.", param="grace")
    end = now + wanted.grace
    return end if old.expires is None else min(end, old.expires)


def _next_expiry(old: Key, wanted: Rotation, now: float) -> float | None:
    """When the key that comes after another one ends: as long a life, unless it is said."""
    if wanted.ttl is not None:
        return _bounded(now, wanted.ttl)
    return None if old.expires is None else now + (old.expires - old.created)


def _expiry(wanted: NewKey, now: float) -> float | None:
    if wanted.ttl is not None and wanted.expires is not None:
        raise InvalidRequest("Give `expires` or `ttl`, not both.", param="ttl")
    if wanted.ttl is not None:
        return _bounded(now, wanted.ttl)
    if wanted.expires is None:
        return None
    if wanted.expires.timestamp() <= now:
        raise InvalidRequest("`expires` is past already.", param="expires")
    return _bounded(now, wanted.expires.timestamp() - now)


def _bounded(now: float, lifetime: float) -> float:
    if lifetime > _LONGEST:
        raise InvalidRequest(
            "A key lives for 100 years at most, or with no `ttl` and no `expires` for ever.", param="ttl"
        )
    return now + lifetime


def _state(key: Key, now: float) -> str:
    if key.revoked is not None:
        return "revoked"
    return "expired" if key.expires is not None and key.expires <= now else "active"


def _view(key: Key, now: float) -> KeyView:
    return KeyView(
        id=key.id,
        owner=f"{key.kind}:{key.owner}",
        name=key.name,
        state=_state(key, now),
        created=time_of(key.created),
        expires=maybe_time(key.expires),
        revoked=maybe_time(key.revoked),
        models=key.models,
        successor=key.successor,
    )


def _made(key: Key, minted: Minted, now: float) -> KeyMade:
    return KeyMade(**structs.asdict(_view(key, now)), key=minted.text)


_ID = {"id": "A key's id: the first part of the key."}

OPERATIONS = (
    Operation("POST", "/keys", "Make a key", create, KeyMade, Nothing, NewKey, role=OPERATOR, status=201),
    Operation("GET", "/keys", "List keys", listed, Page[KeyView], KeysWanted, Nothing),
    Operation("GET", "/keys/{id}", "Show a key", show, KeyView, Nothing, Nothing, parameters=_ID),
    Operation(
        "POST", "/keys/{id}/rotate", "Replace a key", rotate, KeyMade, Nothing, Rotation,
        role=OPERATOR, status=201, parameters=_ID,
    ),
    Operation(
        "POST", "/keys/{id}/revoke", "End a key", revoke, KeyView, Nothing, Nothing, role=OPERATOR, parameters=_ID
    ),
)  # fmt: skip
