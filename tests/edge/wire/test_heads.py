import pytest

from torana.edge.wire.heads import Heads


def test_headers_are_lines():
    heads = Heads()
    for _ in range(2):
        told = heads.told([(b"a", b"1"), (b"X-B", b"\xe9 \t;"), (b"a", b"")])
        assert told.written == b"\r\na: 1\r\nx-b: \xe9 \t;\r\na: "
        assert heads.lines([("a", "1"), ("x-b", "\xe9 \t;"), ("a", "")]) == told
        assert heads.told(told) is told
    assert heads.told([]).written == b""


def test_lines_are_the_pairs_that_they_were():
    pairs = [(b"a", b"1: 2"), (b"b", b""), (b"a", b": ")]
    assert list(Heads().told(pairs)) == pairs
    assert list(Heads().lines([])) == []


@pytest.mark.parametrize(
    ("headers", "length", "closes"),
    [
        ([], None, False),
        ([("content-length", "12"), ("connection", "keep-alive")], 12, False),
        ([("content-length", "0"), ("connection", "Close")], 0, True),
        ([("x-content-length", "1"), ("x", "connection")], None, False),
    ],
)
def test_lines_tell_where_the_reply_ends(headers, length, closes):
    lines = Heads().lines(headers)
    assert (lines.length, lines.closes) == (length, closes)


@pytest.mark.parametrize("value", [b"a\r\nb: c", b"a\nb", b"a\rb", b"\n", b"a\x00", b"\x1b[31m", b"\x7f"])
def test_no_value_can_end_a_line(value):
    with pytest.raises(ValueError, match="character"):
        Heads().told([(b"x-a", b"1"), (b"a", value)])
    with pytest.raises(ValueError, match="character"):
        Heads().lines([("a", value.decode()), ("x-a", "1")])


@pytest.mark.parametrize("name", [b"", b"a b", b"a:", b"a\r\nb", b"\xe9", b"(a)"])
def test_a_name_is_a_token(name):
    with pytest.raises(ValueError, match="name"):
        Heads().told([(name, b"1")])


@pytest.mark.parametrize(
    ("status", "line"),
    [(200, b"HTTP/1.1 200 OK"), (404, b"HTTP/1.1 404 Not Found"), (499, b"HTTP/1.1 499 "), (529, b"HTTP/1.1 529 ")],
)
def test_the_first_line(status, line):
    assert Heads().line(status) == line


def test_the_names_that_are_remembered_are_bounded():
    heads = Heads()
    for number in range(1000):
        name = b"x-%d" % number
        assert heads.told([(name, b"1")]).written == b"\r\n%b: 1" % name
    assert len(heads._names) <= 256


@pytest.mark.parametrize("header", [("X-A", "1"), ("a", "\u20ac")])
def test_what_is_no_line_as_it_is(header):
    with pytest.raises(ValueError, match=r"name|encode"):
        Heads().lines([header])
