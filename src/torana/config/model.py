"""Every setting, with its default and what it is for. The settings table in the docs is made from this file."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from torana.config.access import Access
from torana.config.books import Admin, Alerts, Budget, Database, Ledger
from torana.config.caching import Cache
from torana.config.guardrails import Guardrails
from torana.config.policies import Counters, Limit
from torana.config.secrets import Secret
from torana.config.units import MAY_BE_ZERO, URL, Bytes, Seconds
from torana.config.upstreams import Account, Idempotency, Images, Model, Retries

Algorithm = Literal["HS256", "RS256", "PS256", "ES256", "EdDSA"]

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z"


class Server(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the gateway listens, and how it starts and ends."""

    host: Annotated[str, Meta(min_length=1, description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Port to listen on; 0 takes a free one.")] = 8787
    data_dir: Annotated[
        str,
        Meta(min_length=1, description="Where keys, made pictures and uploads are kept."),
    ] = "./torana-data"
    public_url: (
        Annotated[
            str,
            Meta(
                pattern=URL,
                examples=["https://gateway.example"],
                description="How clients reach the gateway, for the links it hands out. Default: the Host they used.",
            ),
        ]
        | None
    ) = None
    processes: Annotated[
        int,
        Meta(
            ge=1,
            le=64,
            description=(
                "Gateway processes that share the port: the system deals connections out among them. One that hangs is "
                "replaced after 5 s; new connections that fall to it wait until then, and are reset."
            ),
        ),
    ] = 1
    deadline: Annotated[
        Seconds, Meta(description="Time for one call, all in all. Official clients give up at 600 s.")
    ] = Seconds(540)
    heartbeat: Annotated[
        Seconds,
        Meta(
            extra=MAY_BE_ZERO,
            description="Silence of a stream that has begun, after which its client is sent a sign of life; 0: never.",
        ),
    ] = Seconds(15)
    reply_headers: Annotated[
        Literal["torana", "both"],
        Meta(description="Names of what replies tell in headers: `x-torana-*`, or `both` these and `x-tfy-*`."),
    ] = "torana"
    drain: Annotated[Seconds, Meta(extra=MAY_BE_ZERO, description="At SIGTERM, time for calls in flight to end.")] = (
        Seconds(30)
    )
    max_head: Annotated[Bytes, Meta(description="Bytes of one request's line and headers.")] = Bytes(32 * 1024)
    head_timeout: Annotated[Seconds, Meta(description="Time for a request's headers to arrive.")] = Seconds(10)
    stalled_timeout: Annotated[
        Seconds, Meta(description="Time in which a client takes nothing of his reply; then his connection is cut.")
    ] = Seconds(60)
    max_connections: Annotated[int, Meta(ge=1, description="Connections of one process; more are refused.")] = 4096
    max_pipelined: Annotated[
        int, Meta(ge=1, description="Requests that wait for their turn on one connection; more are refused.")
    ] = 256
    max_concurrent: Annotated[int, Meta(ge=1, description="Calls in flight in one process; more get 429.")] = 512
    watch: Annotated[
        Seconds,
        Meta(
            extra=MAY_BE_ZERO,
            description="How often this file and those it names are looked at for changes to take up; 0 is never.",
        ),
    ] = Seconds(2)


class Uploads(Struct, frozen=True, forbid_unknown_fields=True):
    """What a client may send, and how fast."""

    max_body: Annotated[Bytes, Meta(description="Bytes of one request body.")] = Bytes(64 * 1024**2)
    max_file: Annotated[Bytes, Meta(description="Bytes of one file.")] = Bytes(50 * 1024**2)
    max_files: Annotated[int, Meta(ge=1, le=64, description="Files of one request.")] = 16
    max_parts: Annotated[int, Meta(ge=1, le=1024, description="Parts of one form.")] = 64
    max_part_header: Annotated[Bytes, Meta(description="Bytes of one part's header.")] = Bytes(8 * 1024)
    max_field: Annotated[Bytes, Meta(description="Bytes of one text field.")] = Bytes(64 * 1024)
    max_pixels: Annotated[int, Meta(ge=1, description="Pixels of one picture, as its header claims.")] = 100_000_000
    memory: Annotated[
        Bytes, Meta(extra=MAY_BE_ZERO, description="Bytes kept in memory, of all files together; the rest is on disk.")
    ] = Bytes(16 * 1024**2)
    patience: Annotated[
        Seconds,
        Meta(extra=MAY_BE_ZERO, description="Time that a large body waits for `memory` before it takes the disk."),
    ] = Seconds(0.25)
    ahead: Annotated[
        Seconds,
        Meta(
            extra=MAY_BE_ZERO,
            description=(
                "A picture of which the rest will be there within this time goes on to the upstream while it comes; 0: "
                "only whole ones do."
            ),
        ),
    ] = Seconds(2)
    deadline: Annotated[Seconds, Meta(description="Time for one body to arrive.")] = Seconds(120)
    min_rate: Annotated[
        Bytes, Meta(extra=MAY_BE_ZERO, description="Bytes a second that a sender must keep up after `grace`.")
    ] = Bytes(1024)
    grace: Annotated[Seconds, Meta(description="Time before `min_rate` counts, and the longest silence allowed.")] = (
        Seconds(10)
    )
    linger: Annotated[
        Seconds,
        Meta(extra=MAY_BE_ZERO, description="After an early refusal, time to read on so that the client sees it."),
    ] = Seconds(5)
    linger_bytes: Annotated[Bytes, Meta(extra=MAY_BE_ZERO, description="Bytes to read on for at most.")] = Bytes(
        16 * 1024**2
    )


class Store(Struct, frozen=True, forbid_unknown_fields=True):
    """A bucket (extra `torana[objects]`). Replicas that share it share `pictures.signing_key`, `responses.key` too."""

    url: Annotated[
        str,
        Meta(
            pattern=r"^(s3|gs|az)://[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9._/-]*)?\Z",
            examples=["s3://pictures/torana", "gs://pictures", "az://pictures"],
            description="Bucket and prefix: `s3` for Amazon and all who speak it, `gs` for Google, `az` for Azure.",
        ),
    ]
    endpoint: (
        Annotated[
            str,
            Meta(
                pattern=URL,
                examples=["http://minio.example:9000"],
                description="Address of the service, where it is not the vendor's own.",
            ),
        ]
        | None
    ) = None
    region: Annotated[str, Meta(min_length=1, description="Region of an `s3` bucket.")] | None = None
    path_style: Annotated[
        bool, Meta(description="Name an `s3` bucket in the path; false names it in the host, before `endpoint`.")
    ] = True
    account: Annotated[str, Meta(min_length=1, description="Storage account that an `az` container is in.")] | None = (
        None
    )
    key_id: Annotated[Secret, Meta(description="Id of an `s3` access key.")] | None = None
    key: (
        Annotated[
            Secret,
            Meta(
                description="Secret access key (`s3`), service account as JSON (`gs`) or account key (`az`). Default: "
                "what the vendor's environment variables, workload identity or instance metadata say."
            ),
        ]
        | None
    ) = None
    timeout: Annotated[
        Seconds, Meta(description="How long one step may take: to keep something, or to fetch a MiB of it.")
    ] = Seconds(10)
    sweep: Annotated[
        Seconds,
        Meta(
            extra=MAY_BE_ZERO,
            description="How often what has expired is looked for and removed, by each process. 0 is never: a "
            "lifecycle rule of the bucket that removes what is a day old is the cheaper way.",
        ),
    ] = Seconds(300)

    def __post_init__(self) -> None:
        kind = self.url.partition(":")[0]
        if kind != "s3" and (self.region or self.key_id or not self.path_style):
            raise ValueError(f"`region`, `path_style` and `key_id` go with s3://, not with {kind}://")
        if (kind == "az") != (self.account is not None):
            raise ValueError("`account` names the storage account of az://, and goes with nothing else")
        if kind == "s3" and (self.key_id is None) != (self.key is None):
            raise ValueError("`key_id` and `key` of s3:// go together")


class Pictures(Struct, frozen=True, forbid_unknown_fields=True):
    """Made pictures that wait to be fetched by a signed link."""

    ttl: Annotated[Seconds, Meta(description="How long a link works.")] = Seconds(3600)
    store: Annotated[Store, Meta(description="Where they are kept. Default: a directory in `data_dir`.")] | None = None
    max_total: Annotated[
        Bytes,
        Meta(description="Bytes of all pictures in the directory; beyond it the oldest go first. Not for buckets."),
    ] = Bytes(2 * 1024**3)
    signing_key: (
        Annotated[
            Secret,
            Meta(description="Key that signs the links, the same for all replicas. Default: one made in `data_dir`."),
        ]
        | None
    ) = None


class Responses(Struct, frozen=True, forbid_unknown_fields=True):
    """Responses that conversations go on from, each for the caller who asked for it."""

    keep: Annotated[bool, Meta(description="Keep them, unless a caller says `store: false`.")] = True
    ttl: Annotated[Seconds, Meta(description="How long one is kept.")] = Seconds(30 * 86400)
    store: Annotated[Store, Meta(description="Where they are kept. Default: a directory in `data_dir`.")] | None = None
    max_total: Annotated[
        Bytes,
        Meta(description="Bytes of all in the directory; beyond it the oldest go first. Not for buckets."),
    ] = Bytes(4 * 1024**3)
    key: (
        Annotated[
            Secret,
            Meta(
                description="Key that they are encrypted with (AES-256-GCM), the same for all replicas. Default: none; "
                "they lie open to whoever may read the directory or the bucket."
            ),
        ]
        | None
    ) = None


class Workers(Struct, frozen=True, forbid_unknown_fields=True):
    """Processes that decode and make pictures."""

    count: Annotated[
        int,
        Meta(ge=0, le=256, description="Processes, over all gateway processes; 0 is one for each processor."),
    ] = 0
    queue: Annotated[
        int,
        Meta(
            ge=10,
            description="Pictures waiting or being made in one gateway process; more get 429. A call may ask for 10.",
        ),
    ] = 64
    memory: Annotated[Bytes, Meta(description="Memory that one of them may take.")] = Bytes(1536 * 1024**2)
    deadline: Annotated[Seconds, Meta(description="Time for one call's pictures, queueing included; then 504.")] = (
        Seconds(120)
    )


class Telemetry(Struct, frozen=True, forbid_unknown_fields=True):
    """What operators see."""

    log_format: Annotated[
        Literal["auto", "json", "text"], Meta(description="`auto` is text in a terminal, JSON elsewhere.")
    ] = "auto"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="The least that is written.")
    ] = "info"
    metrics: Annotated[bool, Meta(description="Serve `/metrics` for Prometheus.")] = True
    otlp_endpoint: (
        Annotated[
            str,
            Meta(
                pattern=URL,
                examples=["http://collector.example:4318"],
                description="Where spans go, by OTLP over HTTP (extra `torana[otlp]`).",
            ),
        ]
        | None
    ) = None


class Claims(Struct, frozen=True, forbid_unknown_fields=True):
    """Which claim says what. A dot steps into an object: `realm_access.roles`."""

    subject: Annotated[str, Meta(description="Who is asking.")] = "sub"
    teams: Annotated[str, Meta(description="The caller's teams: a list, or text with spaces.")] | None = None
    roles: Annotated[str, Meta(description="The caller's roles: a list, or text with spaces.")] | None = None
    service_account: (
        Annotated[str, Meta(description="The service account that is asking; where it is there, nobody else is.")]
        | None
    ) = None
    models: (
        Annotated[
            str,
            Meta(description="Models that may be used, `*` as a wild card. Not mapped: all; mapped but absent: none."),
        ]
        | None
    ) = None


class Issuer(Struct, frozen=True, forbid_unknown_fields=True):
    """An issuer whose tokens are accepted, and the one place where its keys are."""

    issuer: Annotated[str, Meta(min_length=1, description="The `iss` claim, exactly.")]
    audience: Annotated[str, Meta(min_length=1, description="The `aud` claim that tokens for this gateway carry.")]
    algorithms: Annotated[
        tuple[Algorithm, ...],
        Meta(min_length=1, description="Signature algorithms that it uses; no other is accepted."),
    ]
    secret: Annotated[Secret, Meta(description="Shared secret of at least 32 bytes, for HS256.")] | None = None
    public_key: Annotated[Secret, Meta(description="PEM public key or certificate.")] | None = None
    jwks_file: Annotated[str, Meta(min_length=1, description="Path of a JWKS document.")] | None = None
    jwks_url: (
        Annotated[
            str,
            Meta(
                pattern=URL,
                examples=["https://idp.example/jwks.json"],
                description="URL of a JWKS document; https, or http on loopback.",
            ),
        ]
        | None
    ) = None
    discovery: Annotated[bool, Meta(description="Find the JWKS by OpenID Connect discovery at the issuer's URL.")] = (
        False
    )
    refresh: Annotated[Seconds, Meta(description="How often keys are fetched anew.")] = Seconds(300)
    refresh_floor: Annotated[
        Seconds, Meta(description="An unknown `kid` fetches the keys anew, at most this often.")
    ] = Seconds(10)
    leeway: Annotated[
        Seconds, Meta(extra=MAY_BE_ZERO, description="Clock difference allowed in `exp`, `nbf` and `iat`.")
    ] = Seconds(30)
    claims: Claims = field(default_factory=Claims)

    def __post_init__(self) -> None:
        sources = [self.secret, self.public_key, self.jwks_file, self.jwks_url, self.discovery or None]
        if sum(source is not None for source in sources) != 1:
            raise ValueError("an issuer has one of `secret`, `public_key`, `jwks_file`, `jwks_url`, `discovery: true`")
        symmetric = {"HS256"} & set(self.algorithms)
        if (self.secret is not None) != bool(symmetric) or (symmetric and len(self.algorithms) > 1):
            raise ValueError("HS256 goes with `secret` and with no other algorithm; all others go with public keys")


class Auth(Struct, frozen=True, forbid_unknown_fields=True):
    """Whose tokens open the door."""

    issuers: Annotated[tuple[Issuer, ...], Meta(description="Those whose tokens are accepted; nobody else's are.")] = ()
    max_token: Annotated[Bytes, Meta(description="Bytes of one token.")] = Bytes(8 * 1024)
    cache: Annotated[int, Meta(ge=0, description="Verified tokens remembered, never past their expiry.")] = 10_000


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole configuration."""

    server: Server = field(default_factory=Server)
    uploads: Uploads = field(default_factory=Uploads)
    pictures: Pictures = field(default_factory=Pictures)
    responses: Responses = field(default_factory=Responses)
    workers: Workers = field(default_factory=Workers)
    telemetry: Telemetry = field(default_factory=Telemetry)
    auth: Auth = field(default_factory=Auth)
    images: Images = field(default_factory=Images)
    retries: Retries = field(default_factory=Retries)
    idempotency: Idempotency = field(default_factory=Idempotency)
    limits: Annotated[tuple[Limit, ...], Meta(description="How much whom is let have.")] = ()
    counters: Counters = field(default_factory=Counters)
    budgets: Annotated[tuple[Budget, ...], Meta(description="How much money whom is let spend.")] = ()
    alerts: Alerts = field(default_factory=Alerts)
    access: Access = field(default_factory=Access)
    cache: Cache = field(default_factory=Cache)
    guardrails: Guardrails = field(default_factory=Guardrails)
    database: Database = field(default_factory=Database)
    ledger: Ledger = field(default_factory=Ledger)
    admin: Admin = field(default_factory=Admin)
    providers: Annotated[dict[str, Account], Meta(description="Accounts with providers, by a name of yours.")] = field(
        default_factory=dict
    )
    models: Annotated[dict[str, Model], Meta(description="Models of your own naming.")] = field(default_factory=dict)
