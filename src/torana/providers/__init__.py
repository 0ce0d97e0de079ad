"""Who answers: one row or one file for each provider, found by looking into this folder."""
