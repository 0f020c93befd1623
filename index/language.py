"""Which language a text is in."""

from collections.abc import Collection


def detect_language(text: str, likely: Collection[str] = ()) -> str:
    import py3langid

    return str(py3langid.classify(text)[0])
