"""What is drawn from the acts of agencies: case registers, publications, statistics, reviews."""
