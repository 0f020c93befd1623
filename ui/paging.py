"""Pages of a list, and the links from one to the next (RFC 8288)."""

from typing import Any

from fastapi import Request, Response

Json = dict[str, Any]

LINK: Json = {
    "Link": {
        "description": 'The pages beside this one, where there are such: `rel="next"` and `rel="prev"`.',
        "schema": {"type": "string"},
        "example": '</v1/articles?offset=50&limit=50>; rel="next"',
    }
}


def add_links(request: Request, response: Response, *, total: int, offset: int, limit: int) -> None:
    """Say where the pages beside this one are; all else that was asked stays."""
    links = []
    if offset > 0:
        links.append(_link(request, "prev", max(0, min(offset, total) - limit), limit))
    if offset + limit < total:
        links.append(_link(request, "next", offset + limit, limit))
    if links:
        response.headers["link"] = ", ".join(links)


def _link(request: Request, relation: str, offset: int, limit: int) -> str:
    url = request.url.include_query_params(offset=offset, limit=limit)
    return f'<{url.path}?{url.query}>; rel="{relation}"'
