from torana.edge.wire.heard import Heard, by_name


def test_headers_are_found_by_name():
    assert by_name([(b"a", b"1"), (b"b", b"\xe9")]) == {"a": "1", "b": "é"}
    assert by_name([]) == {}


def test_a_repeated_one_is_one_with_a_comma():
    assert by_name([(b"a", b"1"), (b"b", b"2"), (b"a", b"3"), (b"a", b"")]) == {"a": "1, 3, ", "b": "2"}


def test_what_was_read_is_not_read_again():
    heard = Heard([(b"a", b"1")])
    heard.by_name = {"a": "1"}
    assert by_name(heard) is heard.by_name
