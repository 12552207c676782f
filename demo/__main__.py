"""Runs the demonstration, and ends it with one sentence on Ctrl-C and SIGTERM, however early they come."""

import sys

from sagebuild.child_process import end_on_signals

if __name__ == "__main__":
    end_on_signals()
    try:
        from demo.command import main  # its libraries take a second to import

        status = main()
    except KeyboardInterrupt:
        print("\ndemo: stopped, with everything that it started", file=sys.stderr)
        status = 130  # as a shell reports Ctrl-C
    sys.exit(status)
