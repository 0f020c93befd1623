"""Sitemaps: the pages of a site, and when each last changed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Place:
    """A page, or with `is_map` a further sitemap; `changed` is as the site writes it."""

    url: str
    changed: str = ""
    is_map: bool = False


def places(root: Any) -> Iterator[Place]:
    """The pages and further sitemaps of a sitemap's root element (sitemaps.org, version 0.9)."""
    for element in root.iter("{*}url", "{*}sitemap"):
        url = _text(element, "loc")
        if url:
            yield Place(url, _text(element, "lastmod"), element.tag.endswith("sitemap"))


def is_sitemap(root: Any) -> bool:
    """Whether this is the root element of a sitemap, or of an index of sitemaps."""
    return isinstance(root.tag, str) and root.tag.rpartition("}")[2] in ("urlset", "sitemapindex")


def _text(element: Any, name: str) -> str:
    found = element.find(f"{{*}}{name}")
    return "" if found is None else "".join(found.itertext()).strip()
