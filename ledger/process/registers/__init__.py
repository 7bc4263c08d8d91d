"""Who is who and what is published, read as of an act's place in the log."""
