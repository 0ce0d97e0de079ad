"""Work behind the requests: the ledger's way to the database, the registry's way to the gateways, alerts, tidying."""
