"""Other gateways' configurations, turned into ours: pure functions from one document to another and a report."""
