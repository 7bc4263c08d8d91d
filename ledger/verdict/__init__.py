"""The steps of a verdict over one packet, in the order in which `ledger.verify` runs them."""
