import pytest

from torana.providers.addresses import address


def test_options_have_their_places():
    assert address("https://{region}.vendor.example/v1", {"region": "eu-1", "other": "a b"}) == (
        "https://eu-1.vendor.example/v1"
    )


@pytest.mark.parametrize("value", ["evil.example/", "a.b", "", "a b", "@x"])
def test_an_option_leads_to_no_other_address(value):
    with pytest.raises(ValueError, match=r"options\.region must be of letters"):
        address("https://{region}.vendor.example", {"region": value})
