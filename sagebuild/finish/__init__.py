"""What happens after a build's execution has ended, in whatever way.

`build` completes the record, stops stray jobs, notifies once, and passes the lock on. `sweep` repeats what did not
finish, `prune` deletes what old builds left, and `remove` deletes all that builds made when the stack is removed.
"""
