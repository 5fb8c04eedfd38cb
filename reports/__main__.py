"""`python -m reports` is the command `reports`."""

from reports.cli import main

main()
