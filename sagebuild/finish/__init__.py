"""Ends a build after its execution has ended, with any outcome.

`build` stops stray jobs, completes the record, notifies once and passes the lock on. `sweep` repeats a finish that did
not complete. `prune` deletes the models of old builds. `remove` deletes all that builds created, with the stack.
"""
