"""What a visitor's token allows: asked where it matters, since browsers may send what no page offers."""

import gradio as gr

from ui.tokens import Token


def may_write(request: gr.Request) -> bool:
    """Whether this visitor's token, where one is needed, lets articles be added and removed."""
    token = _token(request)
    return token is None or token.scope == "write"


def is_signed_in(request: gr.Request) -> bool:
    """Whether there is something to sign out of."""
    return _token(request) is not None


def _token(request: gr.Request) -> Token | None:
    scope = getattr(request.request, "scope", None) or {}
    token: Token | None = scope.get("state", {}).get("token")
    return token
