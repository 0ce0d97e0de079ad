from typing import Any

from torana.engine.kernel import kernel


@kernel
def _triangle(n: int) -> int:
    total = 0
    for k in range(n + 1):
        total += k
    return total


def test_a_kernel_computes_what_its_python_says():
    assert _triangle(1000) == 500500


def test_a_kernel_is_compiled():
    _triangle(3)
    assert _triangle.signatures  # type: ignore[attr-defined]  # a compiled function has more than its Python's face


def test_a_kernel_that_cannot_be_kept_still_runs():
    place: dict[str, Any] = {}
    exec("def double(x):\n    return 2 * x", place)
    assert kernel(place["double"])(21) == 42
