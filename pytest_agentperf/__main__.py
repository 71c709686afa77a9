"""`python -m pytest_agentperf`."""

import sys

from pytest_agentperf.cli import main

if __name__ == "__main__":
    sys.exit(main())
