"""What is held, how long things are kept, and what was destroyed."""
