"""What the skill understands: one small module per use case, and the tables that lead to them."""

from collections.abc import Callable

from skill.conversation import Answer, Turn
from skill.intents import build_status, confirmation, conversation, start_build, stop_build

Handle = Callable[[Turn], Answer]

REQUESTS: dict[str, Handle] = {
    "LaunchRequest": conversation.welcome,
    "SessionEndedRequest": conversation.fall_silent,
}

INTENTS: dict[str, Handle] = {
    "StartBuildIntent": start_build.start,
    "StopBuildIntent": stop_build.ask_to_stop,
    "BuildStatusIntent": build_status.tell_status,
    "AMAZON.YesIntent": confirmation.agree,
    "AMAZON.NoIntent": conversation.leave,
    "AMAZON.RepeatIntent": confirmation.repeat,
    "AMAZON.HelpIntent": conversation.help_out,
    "AMAZON.FallbackIntent": conversation.fall_back,
    "AMAZON.NavigateHomeIntent": conversation.leave,
    "AMAZON.StopIntent": conversation.leave,
    "AMAZON.CancelIntent": conversation.leave,
}
