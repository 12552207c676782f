"""The Alexa back end: what "Alexa, ask sage build ..." reaches.

`app` is the Lambda entry; `guard` decides which requests are answered at all; `intents` holds one small module per
use case; `conversation` is the turn they are given and the answer they give; `speech` and `locales` turn an answer
into words; `builds` is the one door to the domain, which `domain` opens and whose errors it tells.
"""
