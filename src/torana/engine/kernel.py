"""How the engine's inner loops are compiled: one setting for all of them."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numba

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function to machine code at its first call and keep the result on disk.

    Kernels run on the calling thread alone and without fast-math, so that a picture's bytes depend neither on the
    number of cores nor on the order of sums. They release the interpreter lock. Numba renews a stored kernel when the
    kernel's own file changes, not when a file it calls into does.
    """
    try:
        kept: Callable[P, R] = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:
        # There is no place to keep it, as in a read-only installation without a home: compile it in each process.
        unkept: Callable[P, R] = numba.njit(nogil=True, error_model="numpy")(function)
        return unkept
    return kept
