CREATE FUNCTION public.torana_append_only() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        BEGIN RAISE EXCEPTION 'the table % is append-only', TG_TABLE_NAME; END $$;
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.alerts (
    budget text NOT NULL COLLATE pg_catalog."C",
    share text NOT NULL COLLATE pg_catalog."C",
    period text NOT NULL COLLATE pg_catalog."C",
    threshold double precision NOT NULL,
    at double precision NOT NULL,
    document json NOT NULL,
    delivered double precision,
    tries integer NOT NULL,
    next_try double precision NOT NULL
);
COMMENT ON COLUMN public.alerts.document IS 'what is told';
COMMENT ON COLUMN public.alerts.delivered IS 'null while it is not';
CREATE TABLE public.audit (
    id bigint NOT NULL,
    at double precision NOT NULL,
    actor text NOT NULL COLLATE pg_catalog."C",
    origin text NOT NULL COLLATE pg_catalog."C",
    action text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    before json,
    after json
);
COMMENT ON COLUMN public.audit.actor IS 'who: user:anna, service_account:deploy, local:root';
COMMENT ON COLUMN public.audit.origin IS 'from where: an address, or the command line';
COMMENT ON COLUMN public.audit.action IS 'create, change, rotate, revoke, delete';
COMMENT ON COLUMN public.audit.kind IS 'key, user, service_account, team, grant, limit, budget';
CREATE SEQUENCE public.audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.audit_id_seq OWNED BY public.audit.id;
CREATE TABLE public.keys (
    id text NOT NULL COLLATE pg_catalog."C",
    digest text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    owner text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    created double precision NOT NULL,
    expires double precision,
    revoked double precision,
    models json,
    successor text COLLATE pg_catalog."C"
);
CREATE TABLE public.ledger (
    id text NOT NULL COLLATE pg_catalog."C",
    request_id text NOT NULL COLLATE pg_catalog."C",
    started double precision NOT NULL,
    ended double precision NOT NULL,
    subject text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    issuer text NOT NULL COLLATE pg_catalog."C",
    key text COLLATE pg_catalog."C",
    teams json NOT NULL,
    metadata json NOT NULL,
    operation text NOT NULL COLLATE pg_catalog."C",
    model text COLLATE pg_catalog."C",
    target text COLLATE pg_catalog."C",
    status integer NOT NULL,
    error text COLLATE pg_catalog."C",
    rule text COLLATE pg_catalog."C",
    images integer,
    tokens json NOT NULL,
    cost bigint,
    price text COLLATE pg_catalog."C",
    reserved bigint NOT NULL,
    charged bigint NOT NULL,
    charges json NOT NULL,
    replayed boolean NOT NULL
);
COMMENT ON COLUMN public.ledger.cost IS 'null is unknown';
COMMENT ON COLUMN public.ledger.charges IS 'the budgets it was charged to';
CREATE TABLE public.offices (
    id text NOT NULL COLLATE pg_catalog."C",
    seen double precision NOT NULL,
    generation bigint NOT NULL
);
COMMENT ON COLUMN public.offices.id IS 'of a data directory, kept in it';
COMMENT ON COLUMN public.offices.generation IS 'the last for which it has handed in everything';
CREATE TABLE public.revision (
    one integer NOT NULL,
    number bigint NOT NULL,
    generation bigint NOT NULL
);
COMMENT ON COLUMN public.revision.one IS 'always 1';
COMMENT ON COLUMN public.revision.number IS 'counts the changes of all that gateways know';
COMMENT ON COLUMN public.revision.generation IS 'counts how often counters were opened anew';
CREATE TABLE public.rules (
    kind text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    document json NOT NULL
);
COMMENT ON COLUMN public.rules.kind IS 'grant, limit or budget';
COMMENT ON COLUMN public.rules.document IS 'as the configuration would have it';
CREATE TABLE public.spend (
    budget text NOT NULL COLLATE pg_catalog."C",
    share text NOT NULL COLLATE pg_catalog."C",
    period text NOT NULL COLLATE pg_catalog."C",
    amount bigint NOT NULL,
    changed double precision NOT NULL
);
CREATE TABLE public.subjects (
    kind text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    teams json NOT NULL,
    roles json NOT NULL,
    disabled boolean NOT NULL,
    created double precision NOT NULL
);
CREATE TABLE public.teams (
    name text NOT NULL COLLATE pg_catalog."C",
    description text NOT NULL COLLATE pg_catalog."C",
    created double precision NOT NULL
);
ALTER TABLE ONLY public.audit ALTER COLUMN id SET DEFAULT nextval('public.audit_id_seq'::regclass);
INSERT INTO public.alembic_version VALUES ('0001');
INSERT INTO public.alerts VALUES ('cap', '', '2026-05-28', 0.75, 1780000001.5, '{"budget": "cap"}', NULL, 1, 1780000060);
INSERT INTO public.alerts VALUES ('cap', '', '2026-05-28', 0.9, 1780000001.5, '{"budget": "cap"}', 1780000003, 0, 1780000001.5);
INSERT INTO public.audit VALUES (1, 1780000000, 'local:root', 'command line', 'create', 'team', 'design', NULL, '{"name": "design", "description": "", "created": 1780000000.0}');
INSERT INTO public.audit VALUES (2, 1780000001, 'user:anna', '10.0.0.7', 'change', 'team', 'design', '{"name": "design", "description": "", "created": 1780000000.0}', '{"name": "design", "description": "they draw; it''s fine", "created": 1780000000.0}');
INSERT INTO public.keys VALUES ('sk-torana-a1', '0000000000000000000000000000000000000000000000000000000000000000', 'user', 'anna', 'laptop', 1780000000.5, 1790000000, NULL, '["flux-*", "\u00e9"]', 'sk-torana-b2');
INSERT INTO public.keys VALUES ('sk-torana-b2', '1111111111111111111111111111111111111111111111111111111111111111', 'service_account', 'deploy', '', 1780000001, NULL, 1780000002, NULL, NULL);
INSERT INTO public.ledger VALUES ('r1', 'req-1', 1780000000.25, 1780000001.5, 'anna', 'user', '', 'sk-torana-a1', '["design"]', '{"project": "big"}', 'images.generate', 'flux', 'bfl/flux', 200, NULL, NULL, 2, '{"input": 7}', 40000000, 'list 2026-01-01', 80000000, 40000000, '[["cap", "", "2026-05-28"]]', false);
INSERT INTO public.ledger VALUES ('r2', 'req-2', 1780000002.25, 1780000002.5, 'deploy', 'service_account', 'https://issuer.example', NULL, '[]', '{}', 'models.list', NULL, NULL, 429, 'limit_exceeded', 'few', NULL, '{}', NULL, NULL, 0, 0, '[]', true);
INSERT INTO public.offices VALUES ('office-1', 1780000001.5, 2);
INSERT INTO public.revision VALUES (1, 3, 2);
INSERT INTO public.rules VALUES ('budget', 'cap', '{"name": "cap", "limit": "10.00", "every": "day"}');
INSERT INTO public.rules VALUES ('grant', 'all', '{"name": "all", "to": ["everyone"]}');
INSERT INTO public.rules VALUES ('limit', 'few', '{"name": "few", "of": "images", "limit": 4, "every": "1h"}');
INSERT INTO public.spend VALUES ('cap', '', '2026-05-28', 9007199254740993, 1780000001.5);
INSERT INTO public.subjects VALUES ('user', 'anna', '["design"]', '["admin"]', false, 1780000000);
INSERT INTO public.subjects VALUES ('service_account', 'deploy', '[]', '[]', true, 1780000000);
INSERT INTO public.teams VALUES ('design', 'they draw; it''s fine', 1780000000);
SELECT pg_catalog.setval('public.audit_id_seq', 2, true);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.alerts
    ADD CONSTRAINT pk_alerts PRIMARY KEY (budget, share, period, threshold);
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT pk_audit PRIMARY KEY (id);
ALTER TABLE ONLY public.keys
    ADD CONSTRAINT pk_keys PRIMARY KEY (id);
ALTER TABLE ONLY public.ledger
    ADD CONSTRAINT pk_ledger PRIMARY KEY (id);
ALTER TABLE ONLY public.offices
    ADD CONSTRAINT pk_offices PRIMARY KEY (id);
ALTER TABLE ONLY public.revision
    ADD CONSTRAINT pk_revision PRIMARY KEY (one);
ALTER TABLE ONLY public.rules
    ADD CONSTRAINT pk_rules PRIMARY KEY (kind, name);
ALTER TABLE ONLY public.spend
    ADD CONSTRAINT pk_spend PRIMARY KEY (budget, share, period);
ALTER TABLE ONLY public.subjects
    ADD CONSTRAINT pk_subjects PRIMARY KEY (kind, name);
ALTER TABLE ONLY public.teams
    ADD CONSTRAINT pk_teams PRIMARY KEY (name);
ALTER TABLE ONLY public.keys
    ADD CONSTRAINT uq_keys_digest UNIQUE (digest);
CREATE INDEX ix_audit_kind_name ON public.audit USING btree (kind, name);
CREATE INDEX ix_keys_kind_owner ON public.keys USING btree (kind, owner);
CREATE INDEX ix_ledger_request_id ON public.ledger USING btree (request_id);
CREATE INDEX ix_ledger_started ON public.ledger USING btree (started);
CREATE INDEX ix_ledger_subject_started ON public.ledger USING btree (subject, started);
CREATE TRIGGER audit_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit FOR EACH STATEMENT EXECUTE FUNCTION public.torana_append_only();
