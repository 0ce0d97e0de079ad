"""``torana engine warm``: compiles the embedded engine, so that no worker has to."""

import click
import uvloop

from torana.assembly.studio import warm_up
from torana.cli.complaints import FAILED, complained
from torana.core.clock import SystemClock
from torana.core.errors import WorkFailed


@click.command
@complained
def warm() -> int:
    """Compile the embedded engine into its cache.

    Once after each installation, for instance while an image is built: from then on a worker is ready in a second or
    two. The cache stands beside the engine's code, or, where that cannot be written, in the user's own cache folder.
    """
    clock = SystemClock()
    started = clock.ticks()
    try:
        uvloop.run(warm_up())
    except WorkFailed as error:
        click.echo(error.message, err=True)
        return FAILED
    click.echo(f"The engine is warm ({clock.ticks() - started:.1f} s).")
    return 0
