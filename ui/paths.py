"""What an address is for, as far as access, limits and headers tell addresses apart.

The page stands at `/en/` and so on, and so do the addresses of Gradio that its scripts use.
"""

import re

SIGN_IN = "/signin"
SIGN_OUT = "/signout"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_GRADIO = r"(/[a-z]{2})?/gradio_api/"
# What changes no article although it is sent by POST and the like. What the page asks Gradio for is
# checked once more where it is handled.
_READS = re.compile(
    r"/v1/(ask|search|claims|timeline|chat/completions|conversations|answers)(/|$)"
    rf"|/mcp(/|$)|{_GRADIO}(?!upload)|{SIGN_OUT}$"
)
_DATA = re.compile(r"/v\d+/|/mcp(/|$)")
# An answer's address is also a link that readers give each other.
_FOR_PROGRAMS = re.compile(rf"/v\d+/(?!answers/[^/]+$)|/mcp(/|$)|/openapi\.json$|{_GRADIO}")
_HELD_OPEN = re.compile(rf"/mcp(/|$)|{_GRADIO}heartbeat/")
_WORK = re.compile(rf"/v\d+/|/mcp(/|$)|{_GRADIO}(queue/join|upload)")


def only_reads(method: str, path: str) -> bool:
    """Whether the scope `read` suffices. What is not known here takes `write`."""
    return method in SAFE_METHODS or bool(_READS.match(path))


def is_data(path: str) -> bool:
    """Whether replies hold what others wrote, and are never a page, whatever they look like."""
    return bool(_DATA.match(path))


def is_for_programs(path: str) -> bool:
    """Whether a browser asks for it behind its reader's back, if at all."""
    return bool(_FOR_PROGRAMS.match(path))


def is_held_open(method: str, path: str) -> bool:
    """Whether it lasts as long as a page or a client is there, and nobody waits for its end."""
    return method == "GET" and bool(_HELD_OPEN.match(path))


def is_work(path: str) -> bool:
    """Whether it costs more than sending a file, or waiting: that is what is limited."""
    return bool(_WORK.match(path))
