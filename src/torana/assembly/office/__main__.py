"""The office's process, as the gateway starts it."""

import asyncio
import signal
import sys
from pathlib import Path

from torana.assembly.complaints import COMPLAINTS, UNSOUND, sentences
from torana.assembly.office.work import serve
from torana.storage.sql.database import SchemaRefused


def main() -> int:
    """Works until nobody holds the other end of its standard input; the exit status says whether it ever can."""
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
