import msgspec
import pytest

from torana.config.load import ConfigError, load_text
from torana.config.units import Bytes, Seconds
from torana.config.upstreams import (
    Account,
    Circuit,
    Host,
    Idempotency,
    Images,
    Model,
    Retries,
    TargetRef,
    Timeouts,
)
from torana.core.exchange import CircuitRule, Routing

ONE = (TargetRef("lab/redux"),)


def test_nothing_is_open_by_default():
    account = Account(type="any")
    assert account.download_hosts == ()
    assert account.models == ()
    assert account.api_key is None


@pytest.mark.parametrize("kind", [Timeouts, Circuit, Retries])
def test_default_times_and_sizes_are_more_than_nothing(kind):
    quantities = [value for value in msgspec.structs.asdict(kind()).values() if isinstance(value, Seconds | Bytes)]
    assert quantities
    assert min(quantities) > 0


def test_default_times_fit_into_each_other():
    timeouts, retries, circuit = Timeouts(), Retries(), Circuit()
    assert timeouts.connect < timeouts.first_byte <= timeouts.total
    assert retries.wait < retries.max_wait < timeouts.total
    assert circuit.open_for <= circuit.window


def test_what_could_surprise_is_off_by_default():
    model = Model(ONE)
    assert model.hedge_after is None
    assert model.sticky is None
    assert not Idempotency().same_parts


def test_no_caller_is_to_blame_for_a_fallback_by_default():
    assert not {400, 413, 422} & set(Model(ONE).fallback_on)


def test_the_defaults_are_those_of_a_plan_that_nobody_configured():
    model, usual = Model(ONE), Routing()
    assert (model.order, model.sticky, model.hedge_after) == (usual.order, usual.sticky, usual.hedge_after)
    assert set(model.fallback_on) == usual.fallback_on
    assert CircuitRule(**msgspec.structs.asdict(model.circuit)) == usual.circuit


def test_prompts_go_from_close_to_bold():
    prompts = Images().prompts
    assert "very close" in prompts.close
    assert "bold" in prompts.bold
    assert len({prompts.close, prompts.usual, prompts.bold}) == 3


@pytest.mark.parametrize("target", ["lab/redux", "lab/black-forest-labs/FLUX-1-Redux-dev", "lab/a:b"])
def test_targets(target):
    assert msgspec.convert({"target": target}, TargetRef).target == target


@pytest.mark.parametrize("target", ["", "lab", "lab/", "/redux", "lab/a b", "la b/a", "lab/a\n"])
def test_no_targets(target):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"target": target}, TargetRef)


def test_a_target_with_everything():
    written = {
        "target": "lab/redux",
        "priority": 1,
        "weight": 0,
        "when": {"tier": "gold"},
        "parameters": {"steps": 28, "guidance": 2.5, "safe": True, "mode": "fast"},
        "headers": {"x-lane": "slow"},
        "prompt": "Again.",
    }
    assert msgspec.to_builtins(msgspec.convert(written, TargetRef)) == written


@pytest.mark.parametrize(
    "wrong",
    [{"priority": -1}, {"weight": -1}, {"weight": 0.5}, {"prompt": ""}, {"parameters": {"a": [1]}}, {"x": 1}]
    + [{"headers": {name: "x"}} for name in ("Authorization", "content-type", "Content-Length", "Host")],
)
def test_no_such_target(wrong):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"target": "lab/redux", **wrong}, TargetRef)


@pytest.mark.parametrize("sticky", ["subject", "metadata.user", "metadata.a.b"])
def test_what_calls_may_stick_to(sticky):
    assert msgspec.convert({"targets": [{"target": "lab/redux"}], "sticky": sticky}, Model).sticky == sticky


@pytest.mark.parametrize(
    "wrong", [{"sticky": "metadata."}, {"sticky": "team"}, {"order": "chance"}, {"targets": []}, {"fallback_on": [200]}]
)
def test_no_such_model(wrong):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"targets": [{"target": "lab/redux"}], **wrong}, Model)


@pytest.mark.parametrize(("field", "wrong"), [("failures", 0), ("failures", 1.1), ("min_calls", 0)])
def test_no_such_circuit(field, wrong):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({field: wrong}, Circuit)


@pytest.mark.parametrize("host", ["cdn.example", "10.0.0.5:9000", "[::1]:80"])
def test_hosts(host):
    assert msgspec.convert(host, Host) == host


@pytest.mark.parametrize(
    "host", ["https://cdn.example", "cdn.example/path", "u@cdn.example", "", "a b", "cdn.example\n"]
)
def test_no_hosts(host):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(host, Host)


@pytest.mark.parametrize(
    "url",
    [
        "http://ada:s3cret@proxy.example:3128",
        "http://proxy.example/s3cret",
        "http://proxy.example?s3cret",
        "socks5://proxy.example",
        "http://proxy.example:99999",
        "http://proxy.example:0",
        "proxy.example:3128",
    ],
)
def test_a_proxys_address_is_one_and_has_no_credentials(url):
    with pytest.raises(ConfigError, match=r"line 1: providers\.lab\.proxy") as caught:
        load_text(f"providers: {{lab: {{type: openai, proxy: {{url: '{url}'}}}}}}")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://proxy.example:3128", "https://10.0.0.1/", "http://[::1]:3128"])
def test_proxies_that_there_may_be(url):
    settings = load_text(f"providers: {{lab: {{type: openai, proxy: {{url: '{url}'}}}}}}").settings
    proxy = settings.providers["lab"].proxy
    assert proxy is not None
    assert proxy.url == url
