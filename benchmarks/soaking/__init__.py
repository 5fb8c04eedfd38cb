"""What benchmarks/soak.py tries, a file per kind of trouble. Each gives trials, and each trial gives items."""
