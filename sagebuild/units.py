"""Units of amounts."""

SECONDS_PER_HOUR = 3600
