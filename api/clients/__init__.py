"""The same protocols from the other side; no FastAPI in here."""
