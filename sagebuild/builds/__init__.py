"""What is known of builds: one table, read and written here only.

A build has a record from the moment it gets its number. One more item of the table, the lock, says which build runs,
which build is pending, and which requests were already counted. Every change of an item names the state that it
expects (a conditional write), so two callers cannot both win.
"""
