import pytest
from hypothesis import given
from hypothesis import strategies as st

from torana.core.exchange import Message
from torana.upstream.client import Origin
from torana.upstream.http1.heads import Heads

SECRET = "sk-very-secret"


def head(*headers, path="/x", method="GET", base="https://a.example/v1", own=(), length=0):
    return Heads(Origin(base, own)).head(Message(method, path, ()), headers, length).decode()


@pytest.mark.parametrize("junk", ["\r\n", "\n", "\r", "\0", "a\r\nx: y", "\nx"])
def test_no_value_ends_a_line(junk):
    for given_headers in ({"own": (("a", SECRET + junk),)}, {}):
        with pytest.raises(ValueError, match="no head can carry") as caught:
            head(*([] if given_headers else [("a", SECRET + junk)]), **given_headers)
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["", "a b", "a:b", "a\r\nb", "é", "a\0", "Content-Length", "transfer-encoding", "host"]
)
def test_no_name_frames_or_ends_anything(name):
    with pytest.raises(ValueError, match="ours to send"):
        head((name, "1"))


@given(st.text(max_size=40), st.text(max_size=20))
def test_whatever_is_asked_for_is_one_request(path, value):
    try:
        made = head(("x", value), path=path)
    except (ValueError, UnicodeEncodeError):
        return
    lines = made.split("\r\n")
    assert lines[-2:] == ["", ""]
    assert lines[0].count(" ") == 2
    assert "\n" not in made.replace("\r\n", "")
    assert [line.partition(":")[0] for line in lines[1:-2]] == [
        "host", "x", "accept", "accept-encoding", "user-agent",
    ]  # fmt: skip


def test_ours_give_way_to_what_is_given():
    made = head(("Accept", "text/plain"), own=(("user-agent", "me"),))
    assert made.lower().count("accept: ") == 1
    assert "Accept: text/plain" in made
    assert "user-agent: me" in made
    assert "torana" not in made


@pytest.mark.parametrize(
    ("base", "host"),
    [
        ("https://A.example:443", "a.example"),
        ("http://a.example:443", "a.example:443"),
        ("http://[::1]:80", "[::1]"),
        ("http://bücher.example", "xn--bcher-kva.example"),
    ],
)
def test_host(base, host):
    assert f"\r\nhost: {host}\r\n" in head(base=base)
