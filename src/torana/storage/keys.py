"""Keys of our own, made at the first start and kept in files."""

import os
import secrets
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

_LENGTH = 32
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class UnsafeKey(Exception):
    """A key file that is no secret, or too short to be one; the message names it and the remedy."""


def load_or_create_key(path: Path) -> bytes:
    """The key in ``path``: text of at least 32 bytes, made of so many random ones if there is no such file.

    Processes that start at once get the same key. UnsafeKey when others may use the file or it is too short; OSError
    when the directory cannot be written.
    """
    with suppress(FileNotFoundError):
        return _load(path)
    _create(path)
    return _load(path)


def _load(path: Path) -> bytes:
    with path.open("rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        key = file.read()
    if mode & _OTHERS:
        raise UnsafeKey(
            f"Other users may read or write the key file {path} (its mode is {mode:04o}). Run `chmod 600 {path}`, or, "
            "if somebody may know the key, delete the file, and a new key is made at the next start."
        )
    if len(key) < _LENGTH:
        raise UnsafeKey(
            f"The key file {path} holds {len(key)} bytes, and a key has at least {_LENGTH}. Delete the file, and a new "
            "key is made at the next start."
        )
    return key


def _create(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.") as file:
        # As text, because whoever reads it as a configured secret cuts white space from its ends.
        file.write(secrets.token_hex(_LENGTH).encode())
        file.flush()
        os.fsync(file.fileno())
        # A link appears whole or not at all, and never in place of a file that another process made first.
        with suppress(FileExistsError):
            os.link(file.name, path)
