BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE alerts (
	budget TEXT NOT NULL, 
	share TEXT NOT NULL, 
	period TEXT NOT NULL, 
	threshold DOUBLE NOT NULL, 
	at DOUBLE NOT NULL, 
	document JSON NOT NULL, 
	delivered DOUBLE, 
	tries INTEGER NOT NULL, 
	next_try DOUBLE NOT NULL, 
	CONSTRAINT pk_alerts PRIMARY KEY (budget, share, period, threshold)
);
INSERT INTO "alerts" VALUES('cap','','2026-05-28',0.75,1780000001.5,'{"budget": "cap"}',NULL,1,1780000060.0);
INSERT INTO "alerts" VALUES('cap','','2026-05-28',0.9,1780000001.5,'{"budget": "cap"}',1780000003.0,0,1780000001.5);
CREATE TABLE audit (
	id INTEGER NOT NULL, 
	at DOUBLE NOT NULL, 
	actor TEXT NOT NULL, 
	origin TEXT NOT NULL, 
	action TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	name TEXT NOT NULL, 
	"before" JSON, 
	"after" JSON, 
	CONSTRAINT pk_audit PRIMARY KEY (id)
);
INSERT INTO "audit" VALUES(1,1780000000.0,'local:root','command line','create','team','design',NULL,'{"name": "design", "description": "", "created": 1780000000.0}');
INSERT INTO "audit" VALUES(2,1780000001.0,'user:anna','10.0.0.7','change','team','design','{"name": "design", "description": "", "created": 1780000000.0}','{"name": "design", "description": "they draw; it''s fine", "created": 1780000000.0}');
CREATE TABLE keys (
	id TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	name TEXT NOT NULL, 
	created DOUBLE NOT NULL, 
	expires DOUBLE, 
	revoked DOUBLE, 
	models JSON, 
	successor TEXT, 
	CONSTRAINT pk_keys PRIMARY KEY (id), 
	CONSTRAINT uq_keys_digest UNIQUE (digest)
);
INSERT INTO "keys" VALUES('sk-torana-a1','0000000000000000000000000000000000000000000000000000000000000000','user','anna','laptop',1780000000.5,1790000000.0,NULL,'["flux-*", "\u00e9"]','sk-torana-b2');
INSERT INTO "keys" VALUES('sk-torana-b2','1111111111111111111111111111111111111111111111111111111111111111','service_account','deploy','',1780000001.0,NULL,1780000002.0,NULL,NULL);
CREATE TABLE ledger (
	id TEXT NOT NULL, 
	request_id TEXT NOT NULL, 
	started DOUBLE NOT NULL, 
	ended DOUBLE NOT NULL, 
	subject TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	issuer TEXT NOT NULL, 
	"key" TEXT, 
	teams JSON NOT NULL, 
	metadata JSON NOT NULL, 
	operation TEXT NOT NULL, 
	model TEXT, 
	target TEXT, 
	status INTEGER NOT NULL, 
	error TEXT, 
	rule TEXT, 
	images INTEGER, 
	tokens JSON NOT NULL, 
	cost BIGINT, 
	price TEXT, 
	reserved BIGINT NOT NULL, 
	charged BIGINT NOT NULL, 
	charges JSON NOT NULL, 
	replayed BOOLEAN NOT NULL, 
	CONSTRAINT pk_ledger PRIMARY KEY (id)
);
INSERT INTO "ledger" VALUES('r1','req-1',1780000000.25,1780000001.5,'anna','user','','sk-torana-a1','["design"]','{"project": "big"}','images.generate','flux','bfl/flux',200,NULL,NULL,2,'{"input": 7}',40000000,'list 2026-01-01',80000000,40000000,'[["cap", "", "2026-05-28"]]',0);
INSERT INTO "ledger" VALUES('r2','req-2',1780000002.25,1780000002.5,'deploy','service_account','https://issuer.example',NULL,'[]','{}','models.list',NULL,NULL,429,'limit_exceeded','few',NULL,'{}',NULL,NULL,0,0,'[]',1);
CREATE TABLE offices (
	id TEXT NOT NULL, 
	seen DOUBLE NOT NULL, 
	generation BIGINT NOT NULL, 
	CONSTRAINT pk_offices PRIMARY KEY (id)
);
INSERT INTO "offices" VALUES('office-1',1780000001.5,2);
CREATE TABLE revision (
	one INTEGER NOT NULL, 
	number BIGINT NOT NULL, 
	generation BIGINT NOT NULL, 
	CONSTRAINT pk_revision PRIMARY KEY (one)
);
INSERT INTO "revision" VALUES(1,3,2);
CREATE TABLE rules (
	kind TEXT NOT NULL, 
	name TEXT NOT NULL, 
	document JSON NOT NULL, 
	CONSTRAINT pk_rules PRIMARY KEY (kind, name)
);
INSERT INTO "rules" VALUES('budget','cap','{"name": "cap", "limit": "10.00", "every": "day"}');
INSERT INTO "rules" VALUES('grant','all','{"name": "all", "to": ["everyone"]}');
INSERT INTO "rules" VALUES('limit','few','{"name": "few", "of": "images", "limit": 4, "every": "1h"}');
CREATE TABLE spend (
	budget TEXT NOT NULL, 
	share TEXT NOT NULL, 
	period TEXT NOT NULL, 
	amount BIGINT NOT NULL, 
	changed DOUBLE NOT NULL, 
	CONSTRAINT pk_spend PRIMARY KEY (budget, share, period)
);
INSERT INTO "spend" VALUES('cap','','2026-05-28',9007199254740993,1780000001.5);
CREATE TABLE subjects (
	kind TEXT NOT NULL, 
	name TEXT NOT NULL, 
	teams JSON NOT NULL, 
	roles JSON NOT NULL, 
	disabled BOOLEAN NOT NULL, 
	created DOUBLE NOT NULL, 
	CONSTRAINT pk_subjects PRIMARY KEY (kind, name)
);
INSERT INTO "subjects" VALUES('user','anna','["design"]','["admin"]',0,1780000000.0);
INSERT INTO "subjects" VALUES('service_account','deploy','[]','[]',1,1780000000.0);
CREATE TABLE teams (
	name TEXT NOT NULL, 
	description TEXT NOT NULL, 
	created DOUBLE NOT NULL, 
	CONSTRAINT pk_teams PRIMARY KEY (name)
);
INSERT INTO "teams" VALUES('design','they draw; it''s fine',1780000000.0);
CREATE INDEX ix_keys_kind_owner ON keys (kind, owner);
CREATE INDEX ix_audit_kind_name ON audit (kind, name);
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
        BEGIN SELECT RAISE(ABORT, 'the table audit is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
        BEGIN SELECT RAISE(ABORT, 'the table audit is append-only'); END;
CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
        BEGIN SELECT RAISE(ABORT, 'the table audit is append-only'); END;
CREATE INDEX ix_ledger_request_id ON ledger (request_id);
CREATE INDEX ix_ledger_started ON ledger (started);
CREATE INDEX ix_ledger_subject_started ON ledger (subject, started);
COMMIT;
