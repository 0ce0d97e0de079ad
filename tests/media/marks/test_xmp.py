import pytest

from torana.media.marks.xmp import Found, SourceType, fresh, stated

RDF = b'<rdf:RDF xmlns:rdf="..."><rdf:Description/></rdf:RDF>'


def said(*packets: bytes, signed: bool = False) -> bytes | None:
    return stated(Found(signed, packets, 0, 0), SourceType.ALTERED, prefix=b"before ", overhead=5)


def test_a_first_packet_stands_behind_the_prefix():
    packet = said()

    assert packet is not None
    assert packet.startswith(b'before <?xpacket begin="\xef\xbb\xbf"')
    assert b'DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicallyEnhanced"' in packet


@pytest.mark.parametrize("kind", SourceType)
@pytest.mark.parametrize("overhead", [3, 4, 5])
def test_a_first_packet_and_what_is_around_it_come_in_threes(kind, overhead):
    assert (len(fresh(kind, prefix=b"before ", overhead=overhead)) + overhead) % 3 == 0


def test_another_packet_keeps_all_that_it_said():
    packet = said(b"head" + RDF + b"tail")

    assert packet is not None
    assert packet.startswith(b'head<rdf:RDF xmlns:rdf="..."><rdf:Description/><rdf:Description ')
    assert packet.endswith(b"/></rdf:RDF>tail")


@pytest.mark.parametrize(
    "packets",
    [
        (b"x",),
        (RDF, RDF),
        (RDF + RDF,),
        (b'Iptc4xmpExt:DigitalSourceType="..."' + RDF,),
        (b'dcterms:provenance="https://..."' + RDF,),
    ],
)
def test_what_says_it_or_cannot_be_added_to_is_left_alone(packets):
    assert said(*packets) is None


def test_what_is_signed_is_left_alone():
    assert said(signed=True) is None
