"""URLs that name the same page, brought to one form; the only file that knows courlan."""

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

# What courlan leaves in: parameters that say who shared a link or where it stood.
_SHARED_BY = frozenset({"at_campaign", "at_medium", "cmp", "ocid", "ref", "ref_src", "smid", "xtor"})


def without_tracking(url: str) -> str:
    """The URL without parameters that say how a reader came to it; as it is when it has none."""
    try:
        parts = urlsplit(url)
        kept = _query(url)
        if len(kept) == len(parse_qsl(parts.query, keep_blank_values=True)):
            return url
        return urlunsplit(parts._replace(query=urlencode(kept), fragment=""))
    except ValueError:
        return url


def canonical(url: str) -> str:
    """The page that a URL names, without scheme, `www.`, fragment and tracking parameters.

    Empty for what names no page of its own: a host without a path.
    """
    try:
        query = sorted(_query(url))
        parts = urlsplit(url)
        host = parts.netloc.lower().removeprefix("www.")
    except ValueError:
        return ""
    path = parts.path.rstrip("/")
    if not host or not (path or query):
        return ""
    return f"{host}{path}?{urlencode(query)}" if query else f"{host}{path}"


def _query(url: str) -> list[tuple[str, str]]:
    """The parameters that say which page it is."""
    # Takes a while to import.
    from courlan import normalize_url

    pairs = parse_qsl(urlsplit(normalize_url(url)).query, keep_blank_values=True)
    return [pair for pair in pairs if pair[0].lower() not in _SHARED_BY]
