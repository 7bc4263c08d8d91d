"""An append-only log of bytes, in the words and formats of C2SP."""
