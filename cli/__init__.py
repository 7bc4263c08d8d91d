"""The `tiezheng` command."""
