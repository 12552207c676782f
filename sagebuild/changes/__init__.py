"""Changes in two steps: `plan_change` says what a change would do, and `apply_change` does exactly that, once.

The skill's confirmations and other ways in that ask first use them. A planned change has a token, which holds the
change and what it depends on: the number of the newest build, the live endpoint configuration and the version of the
parameter document. If one of these has changed, `apply_change` refuses the token and names what has changed. If the
same token is applied again, it reports the first result.

`plan` and `apply` are the two steps. `basis` reads and compares what a change depends on, `token` writes and reads
tokens. `start`, `stop`, `approval`, `rollback`, `promotion` and `document` describe the effect of one
kind of change each, and `sentences` writes an effect in English.
"""
