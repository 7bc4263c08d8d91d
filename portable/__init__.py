"""`tiezheng-verify.pyz`: the verifier as one file, for a machine on which nothing is installed."""
