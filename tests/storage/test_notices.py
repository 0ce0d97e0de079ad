import threading

import pytest
from msgspec import Struct

from torana.storage.notices import Notice


class Told(Struct):
    number: int
    text: str = ""


def test_news_are_told_once(tmp_path):
    path = tmp_path / "told.json"
    reader = Notice(path, Told)
    assert reader.news() is None
    Notice(path, Told).post(Told(1))
    assert reader.news() == Told(1)
    assert reader.news() is None
    Notice(path, Told).post(Told(2))
    assert reader.news() == Told(2)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["told.json"]


def test_whoever_reads_while_another_writes_sees_one_or_the_other(tmp_path):
    path = tmp_path / "told.json"
    done = threading.Event()

    def write() -> None:
        for number in range(200):
            Notice(path, Told).post(Told(number, text=str(number) * 5000))
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    reader, seen = Notice(path, Told), []
    while not done.is_set():
        if news := reader.news():
            assert news.text == str(news.number) * 5000
            seen.append(news.number)
    writer.join()
    assert seen == sorted(seen)


def test_something_else_in_its_place_is_told(tmp_path):
    path = tmp_path / "told.json"
    path.write_text('{"number": "one"}')
    with pytest.raises(ValueError, match="Expected `int`"):
        Notice(path, Told).news()
