"""The settings of upstreams: accounts with providers, and the models that lead to them."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct, field

from torana.config.secrets import Secret
from torana.config.units import MAY_BE_ZERO, URL, Bytes, Seconds
from torana.core.price import Price

Extension = Literal["seed", "strength", "output_format"]
UpstreamModel = Annotated[str, Meta(pattern=r"^\S+\Z", examples=["flux-redux"])]
MetadataKey = Annotated[str, Meta(min_length=1, max_length=64)]
Status = Annotated[int, Meta(ge=400, le=599)]
Host = Annotated[str, Meta(pattern=r"^[^/@\s]+\Z", examples=["cdn.example", "10.0.0.5:9000"])]

_OWN_HEADERS = frozenset({"authorization", "connection", "content-length", "content-type", "host", "transfer-encoding"})


class Timeouts(Struct, frozen=True, forbid_unknown_fields=True):
    """How long an upstream may take."""

    connect: Annotated[Seconds, Meta(description="Until connected, TLS included.")] = Seconds(5)
    first_byte: Annotated[Seconds, Meta(description="From the request's last byte to the reply's first.")] = Seconds(
        300
    )
    total: Annotated[Seconds, Meta(description="From start to the reply's last byte.")] = Seconds(500)


class Proxy(Struct, frozen=True, forbid_unknown_fields=True):
    """A forward proxy that the account's calls go through; links to pictures are followed without it."""

    url: Annotated[
        str,
        Meta(
            pattern=r"^https?://[^/?#\s@]+/?\Z",
            examples=["http://proxy.example:3128"],
            description="Where it is: `http` or `https`, host and port, and no credentials.",
        ),
    ]
    credentials: (
        Annotated[Secret, Meta(description="`USER:PASSWORD`, where it wants them; sent to it and nobody else.")] | None
    ) = None

    def __post_init__(self) -> None:
        if urlsplit(self.url).port == 0:
            raise ValueError("`url` has a port that nobody listens on")


class Account(Struct, frozen=True, forbid_unknown_fields=True):
    """An account with a provider."""

    type: Annotated[str, Meta(description="Which provider: see the provider table.")]
    base_url: (
        Annotated[
            str,
            Meta(
                pattern=URL, examples=["https://api.example/v1"], description="Where the API starts, version included."
            ),
        ]
        | None
    ) = None
    api_key: (
        Annotated[
            Secret,
            Meta(description="Our key there, sent as the provider takes it. Callers' tokens are never forwarded."),
        ]
        | None
    ) = None
    models: Annotated[
        tuple[UpstreamModel, ...], Meta(description="Models of the upstream that callers may name as `account/model`.")
    ] = ()
    extensions: Annotated[
        tuple[Extension, ...],
        Meta(description="Extension fields that this upstream understands."),
    ] = ()
    timeouts: Timeouts = field(default_factory=Timeouts)
    proxy: Proxy | None = None
    http2: Annotated[
        bool,
        Meta(description="Speak HTTP/2 with it where it does: many calls share a connection (extra `torana[http2]`)."),
    ] = False
    max_reply: Annotated[Bytes, Meta(description="Bytes of one reply.")] = Bytes(128 * 1024**2)
    download_hosts: Annotated[
        tuple[Host, ...],
        Meta(description="Hosts (`host` or `host:port`) whose picture links may be plain http or private addresses."),
    ] = ()
    max_connections: Annotated[
        int, Meta(ge=1, description="Connections to it at once, with `http2` calls; more calls wait.")
    ] = 100
    max_waiting: Annotated[int, Meta(ge=0, description="Calls that wait for a connection; more are refused.")] = 1000
    parallel: Annotated[
        int, Meta(ge=1, le=10, description="Upstream calls at once for one call of ours, where it makes fewer than n.")
    ] = 4
    poll: Annotated[Seconds, Meta(description="How often a job is asked after, where it answers by jobs.")] = Seconds(1)
    options: Annotated[
        dict[str, str], Meta(description="Further settings of this type of provider: see the provider table.")
    ] = field(default_factory=dict)
    prices: Annotated[
        dict[UpstreamModel, Price], Meta(description="What its models cost here, in place of what the gateway knows.")
    ] = field(default_factory=dict)


class TargetRef(Struct, frozen=True, forbid_unknown_fields=True):
    """One place a model may go."""

    target: Annotated[
        str, Meta(pattern=r"^[^/\s]+/\S+\Z", examples=["studio/patchwork"], description="`account/model`.")
    ]
    priority: Annotated[int, Meta(ge=0, description="0 is tried first; those with a greater one after it.")] = 0
    weight: Annotated[int, Meta(ge=0, description="Share of the calls, where the order is by weight.")] = 1
    when: Annotated[
        dict[MetadataKey, str], Meta(description="Only for calls whose metadata has all of these values.")
    ] = field(default_factory=dict)
    parameters: Annotated[
        dict[str, str | int | float | bool],
        Meta(description="Fields of the upstream's own, sent along and in place of ours of the same name."),
    ] = field(default_factory=dict)
    headers: Annotated[
        dict[str, str], Meta(description="Headers to send along; none that the gateway sends itself.")
    ] = field(default_factory=dict)
    prompt: (
        Annotated[str, Meta(min_length=1, description="Prompt for variations, in place of `images.prompts`.")] | None
    ) = None

    def __post_init__(self) -> None:
        taken = [name for name in self.headers if name.lower() in _OWN_HEADERS]
        if taken:
            raise ValueError(f"`headers` may not hold {taken[0]}: the gateway sends its own")


class Circuit(Struct, frozen=True, forbid_unknown_fields=True):
    """When a target that keeps failing is left alone."""

    window: Annotated[Seconds, Meta(description="How far back failures count.")] = Seconds(60)
    min_calls: Annotated[int, Meta(ge=1, description="Calls in the window before it can open.")] = 5
    failures: Annotated[float, Meta(gt=0, le=1, description="Share of failed calls that opens it.")] = 0.5
    open_for: Annotated[Seconds, Meta(description="How long it stays open before one call may try.")] = Seconds(30)


class Model(Struct, frozen=True, forbid_unknown_fields=True):
    """A model of our own naming, and the targets behind it."""

    targets: Annotated[tuple[TargetRef, ...], Meta(min_length=1, description="Where it may go.")]
    order: Annotated[
        Literal["priority", "weight", "latency"],
        Meta(
            description="Which target is tried first: by `priority`, then as written; by chance, as `weight` says; or "
            "the one that lately answered fastest. The others follow as fallbacks."
        ),
    ] = "priority"
    sticky: (
        Annotated[
            str,
            Meta(
                pattern=r"^(subject|metadata\..+)\Z",
                examples=["subject", "metadata.user"],
                description="Calls with the same value of this (`subject`, `metadata.KEY`) go to the same target.",
            ),
        ]
        | None
    ) = None
    fallback_on: Annotated[
        tuple[Status, ...],
        Meta(description="Statuses of a target's failure after which the next one is tried; a caller's 4xx if named."),
    ] = (401, 403, 404, 408, 429, 500, 502, 503, 504)
    hedge_after: (
        Annotated[Seconds, Meta(description="Ask a second target too when the first has not answered by then.")] | None
    ) = None
    circuit: Circuit = field(default_factory=Circuit)


class Retries(Struct, frozen=True, forbid_unknown_fields=True):
    """How often the same upstream is asked again, where it cannot charge twice."""

    attempts: Annotated[int, Meta(ge=1, le=10, description="Sendings of one request, the first included.")] = 3
    budget: Annotated[float, Meta(ge=0, le=1, description="Repeated sendings to an account, per sending.")] = 0.1
    burst: Annotated[int, Meta(ge=0, description="Repeated sendings that need no budget, until they are used up.")] = 10
    wait: Annotated[Seconds, Meta(description="Longest wait before the second sending; doubled for each further.")] = (
        Seconds(0.5)
    )
    max_wait: Annotated[Seconds, Meta(description="Longest wait, also for what an upstream asks.")] = Seconds(20)


class Idempotency(Struct, frozen=True, forbid_unknown_fields=True):
    """Calls that are sent twice and done once."""

    ttl: Annotated[Seconds, Meta(description="How long the reply to an `Idempotency-Key` is kept.")] = Seconds(600)
    max_total: Annotated[Bytes, Meta(description="Bytes of all kept replies; beyond it the oldest go first.")] = Bytes(
        64 * 1024**2
    )
    same_parts: Annotated[
        Seconds,
        Meta(extra=MAY_BE_ZERO, description="Calls without a key and alike in all parts are one for so long; 0: no."),
    ] = Seconds(0)


class Prompts(Struct, frozen=True, forbid_unknown_fields=True):
    """What models that need a prompt are told when a variation is asked for, by how far it may go."""

    version: Annotated[str, Meta(description="Name of these words, for logs.")] = "1"
    close: Annotated[str, Meta(min_length=1, description="For a `strength` below 0.35.")] = (
        "Create a new version of this image that stays very close to it: the same subject, composition, style and "
        "palette. Change only small details, as in a photograph taken a moment later."
    )
    usual: Annotated[str, Meta(min_length=1, description="Else.")] = (
        "Create a new version of this image: keep subject, style, palette and composition close; vary details, pose, "
        "light and background."
    )
    bold: Annotated[str, Meta(min_length=1, description="For a `strength` above 0.65.")] = (
        "Create a bold new version of this image: keep the subject and the style recognizable; change composition, "
        "viewpoint, pose, light and background freely."
    )


class C2pa(Struct, frozen=True, forbid_unknown_fields=True):
    """The certificate that made pictures are signed with, as C2PA has it (extra `torana[c2pa]`)."""

    certificates: Annotated[Secret, Meta(description="PEM: the signing certificate, then those that vouch for it.")]
    key: Annotated[Secret, Meta(description="PEM: its private key.")]


class Images(Struct, frozen=True, forbid_unknown_fields=True):
    """How pictures are asked for and handed out."""

    prompts: Prompts = field(default_factory=Prompts)
    mark: Annotated[
        bool, Meta(description="Write into each made picture that it was made (IPTC digital source type).")
    ] = True
    c2pa: C2pa | None = None
