"""The records of builds in one DynamoDB table, which only this package reads and writes.

A build has a record as soon as it has a number. One more item of the table, the lock, holds the running build, the
pending build and the requests already counted. Each change is a conditional write on the state that the caller read, so
two callers cannot both succeed.
"""
