import importlib

import msgspec
import pytest

from torana.providers.local_text.job import FUNCTION, Counts, Parameters


def test_the_function_is_there():
    module, _, name = FUNCTION.partition(":")
    assert callable(getattr(importlib.import_module(module), name))


@pytest.mark.parametrize("value", [Parameters(8192), Counts((1, 2, 0))])
def test_what_is_told_crosses_to_another_process_unchanged(value):
    assert msgspec.json.decode(msgspec.json.encode(value), type=type(value)) == value
