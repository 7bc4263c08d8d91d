"""What is said about things, and how it is bound to the log."""
