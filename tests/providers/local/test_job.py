import importlib

import msgspec
import pytest

from torana.providers.local.job import FUNCTION, Parameters

PARAMETERS = Parameters(
    width=64, height=48, seed=2**63 - 1, index=9, n=10, strength=0.1, output_format="webp", max_pixels=10**8
)


def test_the_function_is_there():
    module, _, name = FUNCTION.partition(":")
    assert callable(getattr(importlib.import_module(module), name))


def test_parameters_cross_to_another_process_unchanged():
    assert msgspec.json.decode(msgspec.json.encode(PARAMETERS), type=Parameters) == PARAMETERS


@pytest.mark.parametrize("change", [{"width": "64"}, {"output_format": "gif"}, {"seed": None}])
def test_what_is_none_does_not_cross(change):
    written = msgspec.json.encode({**msgspec.structs.asdict(PARAMETERS), **change})
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(written, type=Parameters)
