"""HTTP, both directions: the ledger's server, a cosigner's, and clients of both."""
