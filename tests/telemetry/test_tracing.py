import asyncio

import pytest

from torana.telemetry.tracing import CARRIED, Carrying, passed_on

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (PARENT, PARENT),
        (f" {PARENT}\t", PARENT),
        (PARENT[:-2] + "00", PARENT[:-2] + "00"),
        # Of a later version we know what this one has.
        ("01" + PARENT[2:] + "-and more", PARENT),
    ],
)
def test_a_trace_goes_on(sent, told):
    assert passed_on(sent, None) == (("traceparent", told),)


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "00-0-0-0",
        PARENT.upper(),
        PARENT + "-and more",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-{TRACE}-{'0' * 16}-01",
        "ff" + PARENT[2:],
        "x" * 10_000,
        PARENT + " " * 512,
        f"{PARENT}\nx: y",
    ],
)
def test_what_is_no_trace_does_not(sent):
    assert passed_on(sent, "vendor=1") == ()


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("vendor=1", "vendor=1"),
        ("a=1 , b@sys=two words,,c/d=3", "a=1,b@sys=two words,c/d=3"),
        (",".join(f"k{number}=v" for number in range(32)), ",".join(f"k{number}=v" for number in range(32))),
    ],
)
def test_what_vendors_say_of_it_goes_with_it(sent, told):
    assert passed_on(PARENT, sent) == (("traceparent", PARENT), ("tracestate", told))


@pytest.mark.parametrize(
    "sent",
    [
        None, "", " , ", "nonsense", "A=1", "a=1,a=2", "a=1,b", "a=x\ny", "a=" * 9000,
        ",".join(f"k{number}=v" for number in range(33)),
    ],
)  # fmt: skip
def test_what_is_malformed_is_left_out_as_a_whole(sent):
    assert passed_on(PARENT, sent) == (("traceparent", PARENT),)


async def test_what_is_carried_is_carried_by_this_call_alone():
    async def call(name: str) -> tuple[tuple[str, str], ...]:
        with Carrying(((name, name),)):
            await asyncio.sleep(0)
            return CARRIED.get()

    assert (await call("a"), *await asyncio.gather(call("b"), call("c"))) == (
        (("a", "a"),), (("b", "b"),), (("c", "c"),),
    )  # fmt: skip
    assert CARRIED.get() == ()
