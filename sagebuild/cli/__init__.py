"""The command line, a thin layer over `sagebuild.client`.

`app` puts the commands of `builds`, `params`, `pipelines` and `stacks` together. `session` gives each command the stack
and prints its results; `show` renders tables, `live` shows a running build, `completion` completes words in the shell.
"""
