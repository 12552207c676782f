"""Conversations that must have the same effects by voice and through the server for assistants.

`situations.json` lists them. `ways` holds each one with the skill or with the server. `world` prepares the pipeline,
makes the events in between, and reads the effects.
"""
