"""`python -m bench`: the command from a checkout."""

from bench.cli import main

main()
