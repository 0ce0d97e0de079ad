import base64

import pytest

from torana.upstream.proxy import Proxy, proxy_at


def test_credentials_become_a_header_and_are_never_shown():
    proxy = proxy_at("http://proxy.example:3128", b"ada:s3cr:et")
    assert proxy.authorization == "Basic " + base64.b64encode(b"ada:s3cr:et").decode()
    assert repr(proxy) == str(proxy) == "Proxy(url='http://proxy.example:3128')"


def test_a_proxy_may_want_none():
    assert proxy_at("https://proxy.example", None) == Proxy("https://proxy.example")


def test_what_are_no_credentials_is_told_without_them():
    with pytest.raises(ValueError, match=r"proxy\.credentials must be USER:PASSWORD") as caught:
        proxy_at("http://proxy.example", b"s3cret")
    assert "s3cret" not in str(caught.value)
