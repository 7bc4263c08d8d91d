"""The verifier for the browser, built into one file."""
