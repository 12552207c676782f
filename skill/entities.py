"""Sends the names of the stack's pipelines to Alexa as dynamic entities, so that she listens for them.

https://developer.amazon.com/docs/custom-skills/use-dynamic-entities-for-customized-interactions.html
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from skill.conversation import PIPELINE

if TYPE_CHECKING:
    from ask_sdk_model.dialog import DynamicEntitiesDirective


def build_entities(entities: Mapping[str, list[str]]) -> "DynamicEntitiesDirective":
    """Return the directive that replaces the values of the slot type.

    Parameters
    ----------
    entities
        For each pipeline: its name as it is spoken, then its other spoken names.
    """
    # Importing them takes a third of the time of a first reply.
    from ask_sdk_model.dialog import DynamicEntitiesDirective
    from ask_sdk_model.er.dynamic import Entity, EntityListItem, EntityValueAndSynonyms, UpdateBehavior

    values = [
        Entity(id=pipeline, name=EntityValueAndSynonyms(value=words[0], synonyms=words[1:]))
        for pipeline, words in entities.items()
    ]
    types = [EntityListItem(name=kind, values=values) for kind in PIPELINE.values()]
    return DynamicEntitiesDirective(update_behavior=UpdateBehavior.REPLACE, types=types)
