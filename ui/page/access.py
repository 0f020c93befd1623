"""Who may add and remove: asked where it happens, since a browser may send what its page does not offer."""

import gradio as gr


def may_write(request: gr.Request) -> bool:
    """Whether this visitor's token, where one is needed, lets articles be added and removed."""
    scope = getattr(request.request, "scope", None) or {}
    token = scope.get("state", {}).get("token")
    return token is None or token.scope == "write"
