"""The entry points of the Lambda functions, one module each, named after what it does."""

from sagebuild.cold_start import put_off_collections

put_off_collections()
