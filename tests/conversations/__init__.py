"""Conversations that every way of changing something must lead to the same effects: told once, as data.

`situations.json` tells them, `ways` speaks to the skill and to the server for assistants, and `world` makes what the
conversations begin with, what happens in between, and reads the effects.
"""
