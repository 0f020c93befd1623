"""What the parts of the page have in common in Gradio's terms."""

from typing import Any

import gradio as gr

CONCURRENT_QUESTIONS = 8
# For every event: not offered as an API, no spinner over what stands there.
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}


def html(value: str = "", *, script: str | None = None, **options: Any) -> gr.HTML:
    """HTML of our own making, without Gradio's styles, and with no script but the one given."""
    return gr.HTML(value, apply_default_css=False, js_on_load=script, **options)
