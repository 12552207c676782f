"""What the skill understands: one small module per use case, and the tables that lead to them."""

from skill.conversation import Confirmable, Handle, Intent
from skill.intents import (
    answer_approval,
    check_status,
    confirmation,
    conversation,
    describe_build,
    estimate_cost,
    parameters,
    request_notice,
    review_builds,
    roll_back,
    start_build,
    stop_build,
)

REQUESTS: dict[str, Handle] = {
    "LaunchRequest": conversation.welcome,
    "SessionEndedRequest": conversation.fall_silent,
}

# What is done after a yes alone. Each intent here asks first, and says what will happen.
CONFIRMABLE: dict[str, Confirmable] = {
    "StartBuildIntent": Confirmable(start_build.start),
    "StopBuildIntent": Confirmable(stop_build.stop),
    "SetParameterIntent": Confirmable(parameters.set_parameter, asks_pin=True),
    "RollBackIntent": Confirmable(roll_back.roll_back, asks_pin=True),
    "ApproveBuildIntent": Confirmable(answer_approval.approve, asks_pin=True, decline=answer_approval.leave_waiting),
    "RejectBuildIntent": Confirmable(answer_approval.reject, decline=answer_approval.leave_waiting),
}

INTENTS: dict[str, Intent] = {
    "StartBuildIntent": Intent(start_build.ask_to_start, "write"),
    "StopBuildIntent": Intent(stop_build.ask_to_stop, "write"),
    "RollBackIntent": Intent(roll_back.ask_to_roll_back, "write"),
    "ApproveBuildIntent": Intent(answer_approval.ask_to_approve, "write"),
    "RejectBuildIntent": Intent(answer_approval.ask_to_reject, "write"),
    "CheckStatusIntent": Intent(check_status.tell_status, "read"),
    "EstimateTimeIntent": Intent(describe_build.estimate, "read"),
    "DescribeBuildIntent": Intent(describe_build.describe, "read"),
    "EstimateCostIntent": Intent(estimate_cost.format_cost, "read"),
    "ReadMetricsIntent": Intent(review_builds.read_metrics, "read"),
    "CompareBuildsIntent": Intent(review_builds.compare, "read"),
    "ExplainFailureIntent": Intent(describe_build.explain_failure, "read"),
    "ListBuildsIntent": Intent(review_builds.list_builds, "read"),
    "ReadParameterIntent": Intent(parameters.tell_parameter, "read"),
    "SetParameterIntent": Intent(parameters.ask_to_set, "write"),
    "RequestNoticeIntent": Intent(request_notice.tell_who_hears, "read"),
    "GivePinIntent": Intent(confirmation.take_pin(CONFIRMABLE)),
    "AMAZON.YesIntent": Intent(confirmation.take_yes(CONFIRMABLE)),
    "AMAZON.NoIntent": Intent(confirmation.take_no(CONFIRMABLE)),
    "AMAZON.RepeatIntent": Intent(confirmation.repeat),
    "AMAZON.HelpIntent": Intent(conversation.help_out),
    "AMAZON.FallbackIntent": Intent(conversation.fall_back),
    "AMAZON.NavigateHomeIntent": Intent(conversation.leave),
    "AMAZON.StopIntent": Intent(conversation.leave),
    "AMAZON.CancelIntent": Intent(conversation.leave),
}
