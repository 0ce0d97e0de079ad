import pytest

from torana.core.errors import UpstreamError
from torana.dialects.inline import from_base64, from_url
from torana.dialects.steps import Link


def test_base64_bare_and_in_a_data_uri():
    assert from_base64("aGVsbG8=") == b"hello"
    assert from_base64("data:image/png;base64,aGVsbG8=") == b"hello"


@pytest.mark.parametrize("broken", ["aGVsbG8", "a b=", "größer==", "data:image/png;base64,aGVsbG8"])
def test_broken_base64_is_the_upstreams_failure(broken):
    with pytest.raises(UpstreamError) as caught:
        from_base64(broken)
    assert caught.value.code == "upstream_invalid_reply"


def test_a_url_holds_a_picture_or_leads_to_one():
    assert from_url("data:image/png;base64,aGVsbG8=") == b"hello"
    assert from_url("https://cdn.example/a.png") == Link("https://cdn.example/a.png")
