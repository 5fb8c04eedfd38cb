"""The command `reports`: everything is imported inside `main`, so that Ctrl-C gets its line from the start."""

import os
import sys


def main() -> None:
    """Run the command and end with its exit code."""
    try:
        from reports.cli import main as run
    except KeyboardInterrupt:
        print("reports: interrupted before it began", file=sys.stderr, flush=True)
        os._exit(130)  # see run_command
    run()


if __name__ == "__main__":
    main()
