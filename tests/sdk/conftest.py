"""Fixtures for the tests that need the SageMaker SDK."""

import sys

# AWS's training toolkit is a package for Linux, the system of its containers.
collect_ignore = [] if sys.platform == "linux" else ["test_training_toolkit.py"]
