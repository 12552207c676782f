"""The command line, a thin layer over `sagebuild.client`.

`session` is what every command is given: the stack, and where its words go; `app` puts the commands together;
`builds`, `parameters` and `stacks` hold them, `completion` what the shell offers for them; `live` is the view of a
build while it runs, `show` the tables.
"""
