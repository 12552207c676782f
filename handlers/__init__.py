"""The entry points of the Lambda functions, one module each, named after what it does."""
