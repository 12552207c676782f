"""The event ``Build State Change`` on the account's bus, for each change of a build's state.

`states` finds a change in the stream of the builds table, `change` writes it as JSON, `texts` for people, and
`publish` sends it.
"""
