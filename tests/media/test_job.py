import pytest

from torana.media.job import InMemory


@pytest.mark.parametrize("size", [0, 1, 262_144, 262_145, 1_000_000])
async def test_bytes_in_memory_come_in_chunks_as_often_as_asked(size):
    data = bytes(range(256)) * (size // 256 + 1)
    source = InMemory(data[:size])

    for _ in range(2):
        chunks = [chunk async for chunk in source.chunks()]
        assert b"".join(chunks) == data[:size]
        assert all(0 < len(chunk) <= 262_144 for chunk in chunks)
    assert source.size == size
