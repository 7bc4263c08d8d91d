"""What the platform above is told."""
