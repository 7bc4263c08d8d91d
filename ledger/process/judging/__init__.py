"""A case under its rule packs: what lacks, what is wrong, which conclusions have to wait."""
