"""Tests that compare with the SageMaker SDK: `make test` installs it and runs them."""
