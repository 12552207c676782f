"""Answers CloudWatch's dashboard with the table of builds, for its custom widget."""

from typing import Any

from sagebuild.log_keys import logged
from sagebuild.service import Service
from sagebuild.view.widget import DESCRIPTION, render_widget


@logged("Show Builds")
def handler(event: dict[str, Any], context: Any) -> str | dict[str, str]:
    """Return HTML; to a request for a description, Markdown, which the dashboard's editor shows."""
    if event.get("describe"):
        return {"markdown": DESCRIPTION}
    return render_widget(Service.from_environment(), event, context.invoked_function_arn)
