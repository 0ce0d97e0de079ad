import pytest

from torana.edge.wire.heads import Heads


def test_headers_are_lines():
    heads = Heads()
    for _ in range(2):
        assert heads.headers([(b"a", b"1"), (b"X-B", b"\xe9 \t;"), (b"a", b"")]) == b"\r\na: 1\r\nx-b: \xe9 \t;\r\na: "
    assert heads.headers([]) == b""


@pytest.mark.parametrize("value", [b"a\r\nb: c", b"a\nb", b"a\rb", b"\n", b"a\x00", b"\x1b[31m", b"\x7f"])
def test_no_value_can_end_a_line(value):
    with pytest.raises(ValueError, match="character"):
        Heads().headers([(b"x-a", b"1"), (b"a", value)])


@pytest.mark.parametrize("name", [b"", b"a b", b"a:", b"a\r\nb", b"\xe9", b"(a)"])
def test_a_name_is_a_token(name):
    with pytest.raises(ValueError, match="name"):
        Heads().headers([(name, b"1")])


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
        assert heads.headers([(name, b"1")]) == b"\r\n%b: 1" % name
    assert len(heads._names) <= 256
