"""What an archive receives: the package, its formats, its metadata, the four properties."""
