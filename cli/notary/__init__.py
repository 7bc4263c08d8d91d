"""`tiezheng notary …`: the workbench of a notary office, and its certificates."""
