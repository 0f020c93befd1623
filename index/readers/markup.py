"""XML and HTML fragments, parsed without reaching outside them; the only file that knows lxml."""

from typing import Any

_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "br",
        "dd",
        "div",
        "dl",
        "dt",
        "figcaption",
        "figure",
        "footer",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "td",
        "th",
        "tr",
        "ul",
    ]
)
_LEFT_OUT = ("script", "style", "head", "template", "noscript", "svg", "math", "iframe")


def parse_xml(data: bytes) -> Any:
    """The root element. Entities are left as they are, nothing is fetched. Raises ValueError."""
    from lxml import etree

    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        recover=False,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(f"its XML is broken: {error}") from None
    if root is None:
        raise ValueError("its XML is empty")
    return root


def text_of(html: bytes | str) -> str:
    """The text of an HTML fragment, a line a block; nothing of scripts and styles."""
    from lxml import etree

    if not html.strip():
        return ""
    parser = etree.HTMLParser(
        no_network=True, huge_tree=False, encoding="utf-8" if isinstance(html, bytes) else None
    )
    try:
        root = etree.fromstring(html, parser)
    except (etree.XMLSyntaxError, ValueError):
        return ""
    if root is None:
        return ""
    etree.strip_elements(root, *_LEFT_OUT, etree.Comment, with_tail=False)
    parts: list[str] = []
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if element.tag in _BLOCKS:
            parts.append("\n")
        parts.append(" ".join(((element.text if event == "start" else element.tail) or "").split("\n")))
    lines = (" ".join(line.split()) for line in "".join(parts).split("\n"))
    return "\n".join(line for line in lines if line)
