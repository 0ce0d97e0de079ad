import pytest

from torana.edge.wire.known import Known, known

HEADERS = [(b"host", b"x"), (b"content-length", b"12"), (b"accept", b"*/*")]
HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\nAccept: */*\r\n\r\n"


def met(head: bytes = HEAD, headers: list[tuple[bytes, bytes]] = HEADERS) -> Known | None:
    return known(head, {"method": "POST", "headers": headers, "state": {}}, asks=False)


@pytest.mark.parametrize("digits", [b"12", b"0", b"7", b"007", b"123456789012345"])
def test_the_same_head_is_known_whatever_the_length(digits):
    one = met()
    assert one is not None
    head = HEAD.replace(b"12", digits)
    for data in (head, head + b"body and more"):
        assert one.found_in(data) == (digits, len(head))
    headers = one.scope(digits)["headers"]
    assert headers == [HEADERS[0], (b"content-length", digits), HEADERS[2]]
    assert headers.by_name == {"host": "x", "content-length": digits.decode(), "accept": "*/*"}


@pytest.mark.parametrize(
    "data",
    [
        HEAD[:-1],
        HEAD[:-4],
        HEAD[:40],
        b"",
        HEAD.replace(b"POST", b"PUT "),
        HEAD.replace(b"Accept", b"accept"),
        HEAD.replace(b"\r\n\r\n", b"\r\nX: 1\r\n\r\n"),
        *(
            HEAD.replace(b"12", digits)
            for digits in (b"", b"-1", b"+1", b"1 ", b" 1", b"1x", b"1,1", b"1234567890123456")
        ),
        HEAD.replace(b"12", b"1\r\nTransfer-Encoding: chunked"),
        HEAD.replace(b"12", b"\xb2"),
    ],
)
def test_any_other_is_not(data):
    one = met()
    assert one is not None
    assert one.found_in(data) is None


def test_a_head_without_a_length_is_known_too():
    head = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    one = met(head, [(b"host", b"x")])
    assert one is not None
    assert one.found_in(head + head) == (b"", len(head))
    assert one.scope(b"")["headers"] == [(b"host", b"x")]


@pytest.mark.parametrize(
    ("head", "headers"),
    [
        (b"\r\n\r\n", HEADERS),
        (b"\r\n" + HEAD, HEADERS),
        (HEAD, HEADERS[:2]),
        (HEAD.replace(b"12", b"12 "), HEADERS),
        (HEAD.replace(b"Accept", b"Upgrade"), [*HEADERS[:2], (b"upgrade", b"*/*")]),
        (
            HEAD.replace(b"Accept: */*", b"Transfer-Encoding: chunked"),
            [*HEADERS[:2], (b"transfer-encoding", b"chunked")],
        ),
    ],
)
def test_what_is_not_plain_is_not_known_again(head, headers):
    assert met(head, headers) is None


def test_what_is_asked_once_does_not_change_what_is_asked_next():
    one = met()
    assert one is not None
    first = one.scope(b"1")
    first["headers"].by_name.clear()
    first["headers"].clear()
    first["state"]["a"] = 1
    assert one.scope(b"2")["headers"][1] == (b"content-length", b"2")
    assert one.scope(b"2")["headers"].by_name["content-length"] == "2"
    assert one.scope(b"2")["state"] == {}
