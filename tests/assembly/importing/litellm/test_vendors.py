import pytest

from tests.assembly.importing.kit import DECLARED
from torana.assembly.importing.litellm.vendors import Vendors

VENDORS = Vendors(DECLARED)


@pytest.mark.parametrize(
    ("written", "provider", "expected"),
    [
        ("openai/gpt-image-2", None, ("openai", "openai", "gpt-image-2")),
        ("gpt-4o", None, ("openai", "openai", "gpt-4o")),
        ("azure/mine", None, ("azure-openai", "azure", "mine")),
        ("black_forest_labs/flux-2-pro", None, ("black-forest-labs", "black_forest_labs", "flux-2-pro")),
        ("fal_ai/fal-ai/flux/dev/redux", None, ("fal", "fal_ai", "fal-ai/flux/dev/redux")),
        ("mine", "azure", ("azure-openai", "azure", "mine")),
        ("azure/mine", "azure", ("azure-openai", "azure", "mine")),
        ("org/mine", "together_ai", ("together", "together_ai", "org/mine")),
    ],
)
def test_what_others_call_it(written: str, provider: str | None, expected: tuple[str, str, str]) -> None:
    meant = VENDORS.meant(written, provider)
    assert meant is not None
    assert (meant.declaration.type, meant.prefix, meant.model) == expected


@pytest.mark.parametrize("written", ["nobody/claude", "local/patchwork", "echo/echo", "unheard-of-3", "/x", ""])
def test_what_nobody_here_is_called(written: str) -> None:
    assert VENDORS.meant(written, None) is None


def test_no_two_types_are_called_the_same() -> None:
    names = [name for each in DECLARED.values() for name in {each.type, each.type.replace("-", "_"), *each.aliases}]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (None, "openai"),
        ("https://api.openai.com/v1", "openai"),
        ("https://eu.api.openai.com/v1", "openai"),
        ("https://notapi.openai.com.example/v1", "openai-compatible"),
        ("http://127.0.0.1:8000/v1", "openai-compatible"),
    ],
)
def test_a_server_elsewhere_is_another_type(address: str | None, expected: str) -> None:
    assert VENDORS.at(DECLARED["openai"], address).type == expected
    assert VENDORS.at(DECLARED["recraft"], address).type == "recraft"
