"""Sends the names of pipelines and hyperparameters to Alexa as dynamic entities, so that she listens for them.

https://developer.amazon.com/docs/custom-skills/use-dynamic-entities-for-customized-interactions.html
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from skill.conversation import PIPELINE

if TYPE_CHECKING:
    from ask_sdk_model.dialog import DynamicEntitiesDirective


def build_entities(
    pipelines: Mapping[str, list[str]], parameters: Mapping[str, list[str]]
) -> "DynamicEntitiesDirective":
    """Return the directive that replaces the values of the slot types.

    Parameters
    ----------
    pipelines
        For each pipeline: its name as it is spoken, then its other spoken names.
    parameters
        For each hyperparameter of the document: its name as it is spoken.
    """
    # Importing them takes a third of the time of a first reply.
    from ask_sdk_model.dialog import DynamicEntitiesDirective
    from ask_sdk_model.er.dynamic import Entity, EntityListItem, EntityValueAndSynonyms, UpdateBehavior

    def list_values(entities: Mapping[str, list[str]]) -> list[Entity]:
        return [
            Entity(id=name, name=EntityValueAndSynonyms(value=words[0], synonyms=words[1:]))
            for name, words in entities.items()
        ]

    found = {PIPELINE["pipeline"]: list_values(pipelines), "BuildParameter": list_values(parameters)}
    types = [EntityListItem(name=kind, values=values) for kind, values in found.items() if values]
    return DynamicEntitiesDirective(update_behavior=UpdateBehavior.REPLACE, types=types)
