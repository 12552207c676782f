"""The Alexa back end: it answers "Alexa, ask sage build ...".

`app` is the Lambda entry point. `guard` refuses requests of other skills and old requests. `intents` holds one module
per use case; each module declares its intents. `conversation` defines the turn that an intent gets and the answer that
it returns. `speech` renders an answer in the languages of `languages/`. `domain` opens `sagebuild` for an intent and
turns its errors into sentences; `builds` holds the look-ups that several intents share. `pipelines` chooses the
pipeline that a request is about, and `entities` sends the names of all pipelines to Alexa. `bare_answers` lets
Alexa listen for a bare PIN, pipeline or parameter.
"""

from sagebuild.cold_start import put_off_collections

put_off_collections()
