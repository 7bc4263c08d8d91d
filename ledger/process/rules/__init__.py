"""The law as data: rule packs, what they declare, and how tables are read."""
