"""What JSON Schema cannot say of a request, put right in those that schemathesis means to be valid."""

import json
import os
import re
import uuid
from typing import Any

import schemathesis

# Ids that exist, each to be used once; test_openapi.py makes them.
KEPT: dict[str, list[str]] = json.loads(os.environ["KEPT_IDS"])
_ADDRESS = "https://harbour.example.org/"
_KEY = re.compile("[!#-~]{1,255}")


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    key = (case.headers or {}).get("Idempotency-Key")
    if key is not None and _KEY.fullmatch(key):
        # The same key with another request is refused.
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    body: dict[str, Any] = case.body if isinstance(case.body, dict) else {}
    for dates in (case.query, body, body.get("filters")):
        if isinstance(dates, dict) and dates.get("published_from") and dates.get("published_to"):
            first, last = sorted((dates["published_from"], dates["published_to"]))
            dates["published_from"], dates["published_to"] = first[:10], last[:10]
    match case.path:
        case "/v1/chat/completions" if "messages" in body:
            # The last message is the question.
            body["messages"] = [*body["messages"][-999:], {"role": "user", "content": "Who?"}]
        case "/v1/articles" if "text" in body:
            # Characters that cannot be seen are no text, and none of a URL.
            body["text"] += " It rained."
            if not _is_visible(body.get("url") or ""):
                body["url"] = _ADDRESS
        case "/v1/ingestions" if "urls" in body:
            body["urls"] = [url if _is_visible(url) else _ADDRESS for url in body["urls"]]
        case "/v1/conversations/{id}" | "/v1/answers/{id}" | "/v1/answers/{id}/feedback":
            ids = KEPT["answers" if "answers" in case.path else "conversations"]
            case.path_parameters["id"] = ids.pop() if len(ids) > 1 else ids[0]


def _is_visible(url: str) -> bool:
    return url.isascii() and url.isprintable()
