import pytest

from torana.core.content import Size
from torana.providers.imaging.canvas import AnySize, AsSource, Canvas, Listed, Ratios, Shaped, Stepped

SQUARE, WIDE, TALL = Size(512, 512), Size(768, 512), Size(512, 768)


@pytest.mark.parametrize(
    ("canvas", "words"),
    [
        (AnySize(), "any"),
        (Listed((SQUARE,)), "512x512"),
        (Listed((SQUARE, WIDE)), "512x512, 768x512"),
        (Listed((SQUARE, TALL)), "512x512, 512x768"),
        (Listed((SQUARE, TALL, WIDE)), "512x512, 768x512, also upright"),
        (Stepped(), "sides of 64 to 2048 by steps of 8"),
        (Stepped(step=1, most_pixels=4_000_000), "sides of 64 to 2048, at most 4 megapixels"),
        (Stepped(least_pixels=1024 * 1024), "sides of 64 to 2048 by steps of 8, at least 1.05 megapixels"),
        (Stepped(steepest=2.5), "sides of 64 to 2048 by steps of 8, up to 2.5:1"),
        (Ratios(("1:1", "3:2")), "1:1, 3:2"),
        (Ratios(("1:1",), (("1K", 1024**2), ("2K", 2048**2))), "1:1; at 1K, 2K"),
        (AsSource(Listed((SQUARE,))), "its source's, brought to 512x512"),
        (Shaped(Ratios(("1:1",)), Listed((SQUARE,))), "1:1; changed, its source's, brought to 512x512"),
    ],
)
def test_what_the_docs_say_of_sizes(canvas: Canvas, words: str) -> None:
    assert str(canvas) == words
