import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torana.core.waits import retry_after

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "5"}, 5.0),
        ({"retry-after": " 0.5 "}, 0.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "61"}, 61.0),
        ({"retry-after": "1e9"}, 1e9),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after-ms": "some", "retry-after": "2"}, 2.0),
        ({"retry-after-ms": "-1"}, 0.0),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:47 GMT", "date": DATE}, 10.0),
        ({"retry-after": "Sunday, 06-Nov-94 08:49:47 GMT", "date": DATE}, 10.0),
        ({"retry-after": "Sun Nov  6 08:49:47 1994", "date": DATE}, 10.0),
        ({"retry-after": "Sun, 06 Nov 1994 09:49:37 GMT", "date": DATE}, 3600.0),
        ({"retry-after": "Sun, 06 Nov 1994 08:00:00 GMT", "date": DATE}, 0.0),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:47 GMT"}, None),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:47 GMT", "date": "today"}, None),
        ({"retry-after": "Sun, 99 Nov 1994 08:49:47 GMT", "date": DATE}, None),
        ({"retry-after": f"Sun, 06 Nov 1994 08:49:47 +{'9' * 30}", "date": DATE}, None),
    ],
)
def test_how_long_to_wait(headers: dict[str, str], seconds: float | None):
    assert retry_after(headers) == seconds


WAITS = st.text() | st.floats().map(str) | st.datetimes().map(lambda date: date.strftime("%a, %d %b %Y %H:%M:%S GMT"))


@given(st.dictionaries(st.sampled_from(["retry-after-ms", "retry-after", "date"]), WAITS))
def test_whatever_they_say_it_is_a_time_or_none(headers):
    wait = retry_after(headers)
    assert wait is None or (wait >= 0 and math.isfinite(wait))
