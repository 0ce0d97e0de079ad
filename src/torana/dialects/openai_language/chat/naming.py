"""Names as OpenAI's servers take them: bounded; longer ones become others that are as good, and the same every time."""

import hashlib

_MOST_USER = 64
_MOST_CALL = 40
_HASH_BYTES = 16


def user_name(user: str) -> str:
    """An end user's name; agents put a whole JSON object there."""
    return user if len(user) <= _MOST_USER else hashlib.sha256(user.encode()).hexdigest()


def call_name(call_id: str) -> str:
    """The id of a tool's call, which another upstream may have given; its result is named alike."""
    if len(call_id) <= _MOST_CALL:
        return call_id
    return f"call_{hashlib.blake2b(call_id.encode(), digest_size=_HASH_BYTES).hexdigest()}"
