"""The pure part of the evidence ledger: bytes and values in, decisions out."""
