"""Deploys the service from the installed package: the template and archives that `make dist` packs into the wheel.

`release` reads these files. `checks` finds invalid deploy parameters, `bucket_access` writes the permissions for
buckets of your own, and `template` completes the template; serverless uses the same checks and permissions. `stack`
creates, updates and deletes the stack, whose `events` it follows, and `laptop` starts an AWS on this machine.
"""
