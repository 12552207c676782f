"""Answers with whole pages: a frame that comes at once, whose sections the browser then reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, select_autoescape
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from sagebuild.page.source import Source

if TYPE_CHECKING:
    from sagebuild.page.answers import Answer

VIEWS = {name.lower(): name for name in ("Builds", "Compare", "Endpoint", "Parameters", "Pipelines")}
_TEMPLATES = Path(__file__).parent / "templates"


class Pages:
    """The addresses of the page. Starlette calls each in a thread, so that slow answers of AWS hold up no other."""

    def __init__(self, source: Source, token: str) -> None:
        self._source = source
        self._base = f"/{token}"
        self._templates = Environment(
            loader=FileSystemLoader(_TEMPLATES), autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True
        )

    def home(self, _request: Request) -> Response:
        """Lead to the builds of the pipeline that the command named."""
        return RedirectResponse(f"{self._base}/{self._source.pipeline_name}/builds", 303)

    def page(self, request: Request) -> Response:
        """Return the frame of a view."""
        view = request.path_params["view"]
        if view not in VIEWS:
            raise HTTPException(404)
        return self._render(f"{view}.html", request, view=view, title=VIEWS[view])

    def build(self, request: Request) -> Response:
        """Return the frame of one build."""
        number = request.path_params["number"]
        return self._render("build.html", request, view="builds", title=f"Build {number}", number=number)

    def part(self, request: Request) -> Response:
        """Return the content of a section, or the error that AWS or sagebuild gave."""
        from sagebuild.page.routing import answer_part  # it loads boto3, for which the first frame does not wait

        answer = answer_part(self._source, request.path_params, request.query_params)
        if answer is None:
            raise HTTPException(404)
        headers = {"X-Ended": "1"} if answer.has_ended else {}
        if not answer.template:
            return Response(status_code=answer.status, headers=headers)
        html = self.render(f"parts/{answer.template}.html", request.path_params["pipeline"], **answer.values)
        return HTMLResponse(html, answer.status, headers)

    async def change(self, request: Request) -> Response:
        """Plan or apply a change, or send a request to the endpoint: a POST with a JSON object."""
        from sagebuild.page import changing

        given, pipeline = await _read_object(request), request.path_params["pipeline"]
        calls: dict[str, Callable[[], Answer]] = {
            "plan": lambda: changing.plan_change(self._source, pipeline, given),
            "apply": lambda: changing.apply_change(self._source, given),
            "predict": lambda: changing.predict(self._source, pipeline, given),
        }
        verb = request.path_params["verb"]
        if verb not in calls:
            raise HTTPException(404)
        answer = await run_in_threadpool(calls[verb])
        values = {"in_dialog": verb != "predict", **answer.values}
        return HTMLResponse(self.render(f"parts/{answer.template}.html", pipeline, **values), answer.status)

    def plotly(self, _request: Request) -> Response:
        """Return plotly.js, as the wheel of plotly contains it; the plotly library itself is not imported."""
        spec = find_spec("plotly")
        if spec is None or not spec.origin:
            raise HTTPException(404)
        script = Path(spec.origin).parent / "package_data" / "plotly.min.js"
        return FileResponse(script, media_type="text/javascript", headers={"Cache-Control": "max-age=86400"})

    def render(self, template: str, pipeline: str, **values: Any) -> str:
        """Render a template; its links begin with the token and the pipeline."""
        common = {"base": self._base, "root": f"{self._base}/{pipeline}", "pipeline": pipeline, "views": VIEWS}
        facts = {"stack": self._source.stack_name, "read_only": self._source.read_only}
        return self._templates.get_template(template).render(common | facts | values)

    def _render(self, template: str, request: Request, **values: Any) -> Response:
        query: Mapping[str, str] = request.query_params
        return HTMLResponse(self.render(template, request.path_params["pipeline"], query=query, **values))


async def _read_object(request: Request) -> dict[str, Any]:
    """Return the JSON object of a request; a form of another site could not send this content type by itself."""
    if request.headers.get("content-type") != "application/json":
        raise HTTPException(415)
    try:
        given = await request.json()
    except ValueError:
        raise HTTPException(400) from None
    if not isinstance(given, dict):
        raise HTTPException(400)
    return given
