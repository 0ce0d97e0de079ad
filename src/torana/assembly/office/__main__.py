"""The office's process, as the gateway starts it."""

import asyncio
import gc
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from torana.assembly.complaints import COMPLAINTS, UNSOUND, sentences
from torana.assembly.office.work import serve
from torana.storage.sql.database import SchemaRefused

_LESS_URGENT = 5
"""A quarter of a processor that a gateway keeps busy is left to it, which is enough for all that is written down."""
_SELDOM = 50_000


def main() -> int:
    """Works until nobody holds the other end of its standard input; the exit status says whether it ever can."""
    # Books can wait a little, and calls cannot. Not for ever: what is behind by a journal's length is lost.
    with suppress(OSError):  # where a machine forbids it
        os.nice(_LESS_URGENT)
    # Rows come by the thousand, and none of them is part of a circle that would have to be looked for.
    gc.set_threshold(_SELDOM, 20, 50)
    # A signal for all of a terminal's processes is for the gateway, which still writes while it ends.
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    try:
        asyncio.run(serve(Path(sys.argv[1]) if sys.argv[1:] else None, sys.stdin.buffer))
    except (SchemaRefused, *COMPLAINTS) as error:
        sys.stderr.writelines(f"{sentence}\n" for sentence in sentences(error))
        return UNSOUND
    return 0


if __name__ == "__main__":
    sys.exit(main())
