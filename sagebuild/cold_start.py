"""Makes the cold start of a function shorter."""

import gc

# A cold start of the largest function makes 175,000 objects that Python counts, and keeps nearly all of them. Python
# looks for garbage after each 2,000 (https://docs.python.org/3/library/gc.html#gc.set_threshold), which takes a
# seventh of a cold start's time. Garbage of 300,000 objects has some 25 MB.
_OBJECTS = 300_000


def put_off_collections() -> None:
    """Let Python look for garbage only after a cold start; call this before the other imports."""
    gc.set_threshold(_OBJECTS)
