"""Says what a running build is doing, from the state machine's step."""

from skill.speech import Quote, Sentence

# Words of the steps' names, and what a build does in such a step. The first match counts.
_DOING = (
    (("Plan",), Sentence("doing.plan")),
    (("Preprocessing", "Source", "Process Data"), Sentence("doing.data")),
    (("Image",), Sentence("doing.images")),
    (("Tune", "Best"), Sentence("doing.tune")),
    (("Train",), Sentence("doing.train")),
    (("Evaluate", "Quality"), Sentence("doing.evaluate")),
    (("Pack Model", "Create Model", "Register Model"), Sentence("doing.model")),
    (("Transform", "Scoring"), Sentence("doing.transform")),
    (("Endpoint", "Component", "Verify", "Smoke", "Scaling", "Wake"), Sentence("doing.deploy")),
)


def say_step(step: str) -> Sentence:
    """Say what a build does in a step; a step without words of its own is named."""
    return next(
        (doing for words, doing in _DOING if any(word in step for word in words)),
        Sentence("doing.step", step=Quote(step)),
    )
