"""The mark itself: IPTC's digital source type, in XMP."""

from dataclasses import dataclass
from enum import StrEnum


class SourceType(StrEnum):
    """How a picture came to be, in the terms of IPTC's vocabulary."""

    MADE = "trainedAlgorithmicMedia"
    """Made by a model from words alone."""
    REWORKED = "compositeWithTrainedAlgorithmicMedia"
    """Made by a model from a picture that was given: edited, filled in, varied."""
    ALTERED = "algorithmicallyEnhanced"
    """Altered by an algorithm that was not trained, as the embedded engine does."""

    @property
    def uri(self) -> str:
        """The term as it stands in metadata."""
        return f"http://cv.iptc.org/newscodes/digitalsourcetype/{self}"


@dataclass(frozen=True, slots=True)
class Found:
    """What a picture says of itself already, and where more of it belongs.

    ``signed`` is whether it holds a C2PA manifest, which a change of any other byte would break. ``packets`` are the
    bodies of its XMP, with whatever its format puts before the XML. ``start`` and ``end`` are what a new one takes
    the place of: the first of those, whole, or nothing.
    """

    signed: bool
    packets: tuple[bytes, ...]
    start: int
    end: int


_TELLING = (b"DigitalSourceType", b"dcterms:provenance")
"""What the maker says of the making: in a word, or in a manifest elsewhere that any change here would contradict."""
_END = b"</rdf:RDF>"
_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{}</rdf:RDF></x:xmpmeta>{}<?xpacket end="w"?>'
)
_STATEMENT = (
    '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    'Iptc4xmpExt:DigitalSourceType="{}"/>'
)


def stated(found: Found, kind: SourceType, *, prefix: bytes, overhead: int) -> bytes | None:
    """The body of the XMP that says ``kind`` beside all that it said before; None where nothing is to be changed.

    That is where the picture is signed, here or elsewhere, says its source type already, or holds XMP that cannot be
    added to: in two parts, compressed, or not in UTF-8. ``prefix`` is what the format puts before the XML, ``overhead``
    how many bytes it has around a body.
    """
    if found.signed or any(word in packet for packet in found.packets for word in _TELLING):
        return None
    if not found.packets:
        return fresh(kind, prefix=prefix, overhead=overhead)
    if len(found.packets) > 1 or found.packets[0].count(_END) != 1:
        return None
    return found.packets[0].replace(_END, _STATEMENT.format(kind.uri).encode() + _END)


def fresh(kind: SourceType, *, prefix: bytes, overhead: int) -> bytes:
    """The body of XMP that says ``kind`` and nothing else; with its ``overhead`` its length is a multiple of three.

    For so is base64: in that, too, what follows it stays as it was.
    """
    statement = _STATEMENT.format(kind.uri)
    bare = prefix + _PACKET.format(statement, "").encode()
    return prefix + _PACKET.format(statement, " " * (-(len(bare) + overhead) % 3)).encode()
