"""Tests that run every order of calls, a death at every call, or hundreds of pipelines; `make test` runs them."""
