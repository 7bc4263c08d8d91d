"""Adapters: what the ledger asks of the outside, on real disks and databases."""
