"""Choose the pipeline: the answer to "Which pipeline?", or a change of subject."""

from skill.access import refuse_strangers
from skill.conversation import PIPELINE, Answer, Intent, Turn
from skill.intents.check_status import check_status


def choose_pipeline(turn: Turn) -> Answer:
    """Go on with the request that waits for the pipeline; without one, say how the pipeline is doing."""
    if not turn.postponed or not turn.waits or turn.waits.handle is choose_pipeline:
        return check_status(turn)
    refuse_strangers(turn, turn.waits.needs)
    answer = turn.waits.handle(turn._replace(slots=turn.postponed.slots, confirmation=None))
    return answer._replace(request=turn.postponed)


INTENTS = (Intent("ChoosePipelineIntent", choose_pipeline, "read", slots=PIPELINE),)
