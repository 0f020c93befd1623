"""What the parts of the page have in common in Gradio's terms."""

import logging
from typing import Any

import gradio as gr

from rag.log import name_request

log = logging.getLogger(__name__)

CONCURRENT_QUESTIONS = 8
# For every event: not offered as an API, no spinner over what stands there.
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}


class Page(gr.Blocks):
    """Gradio's page, whose events stand in the log like all that the server does.

    They run apart from the requests that sent them; and of a bug Gradio would print what it says.
    """

    async def process_api(self, *given: Any, **named: Any) -> dict[str, Any]:
        scope = getattr(getattr(named.get("request"), "request", None), "scope", None) or {}
        if request_id := scope.get("state", {}).get("request_id"):
            name_request(request_id)
        try:
            return await super().process_api(*given, **named)
        except gr.Error:
            raise
        except Exception as error:
            log.exception("an event of the page failed")
            raise gr.Error("", visible=False, print_exception=False) from error


def html(value: str = "", *, script: str | None = None, **options: Any) -> gr.HTML:
    """HTML of our own making, without Gradio's styles, and with no script but the one given."""
    return gr.HTML(value, apply_default_css=False, js_on_load=script, **options)
