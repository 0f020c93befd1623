"""Thin doors to one Assistant: command line, REST, MCP and the page."""

import os

# Before anything imports Gradio: it reports nothing to anybody.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
