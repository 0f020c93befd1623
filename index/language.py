"""Which language a text is in; the only file that knows py3langid."""

import re
from collections.abc import Collection

# A long text is judged by its beginning and a part of its middle.
_HEAD, _MIDDLE = 2_000, 1_000
# How much more likely, in natural logarithms, a language of the archive is than any other. A short
# question gives a close contest; a whole article outweighs this many times.
_LIKELY = 4.0
# The same for languages in which most news is written, over languages in which some is, over the rest.
_MOST_NEWS, _SOME_NEWS = 7.0, 4.0
# When the text has a word by which the language asks.
_ASKS = 10.0
# For each letter, counted once, that the language does not write.
_FOREIGN_LETTER = -12.0

_PRIOR = dict.fromkeys(("ar", "de", "en", "es", "fa", "fr", "ja", "pt", "ru", "tr", "zh"), _MOST_NEWS) | (
    dict.fromkeys(
        ("bg", "bn", "cs", "da", "el", "fi", "he", "hi", "hr", "hu", "id", "it", "ko", "nl", "no", "pl"),
        _SOME_NEWS,
    )
    | dict.fromkeys(("ro", "sk", "sr", "sv", "sw", "th", "uk", "ur", "vi"), _SOME_NEWS)
)
# The model's labels that are no ISO 639-1 code: varieties of a language that has one. Sorani has
# none of its own and, unlike Kurmanji (ku), is written from right to left.
_VARIETIES = {
    "ary": "ar",
    "arz": "ar",
    "gug": "gn",
    "hbo": "he",
    "kik": "ki",
    "nb": "no",
    "nn": "no",
    "pcm": "en",
    "sdh": "ckb",
    "wuu": "zh",
    "yue": "zh",
}
# Languages that share a script, and the letters of it that each does not write.
_NOT_WRITTEN = {
    "ar": "پچژگکیےہھٹڈڑںټډړږښڼېۍۆێڕڵ",
    # Persian is often typed on an Arabic keyboard, with its ي and ك.
    "fa": "ةےہھٹڈڑںټډړږښڼېۍۆێڕڵ",
    "ur": "ةيكىټډړږښڼېۍۆێڕڵ",
    "ps": "ةيكےہھٹڈڑںۆێڕڵ",
    "ckb": "ةيكىصضطظذثےہھٹڈڑںټډړږښڼېۍ",
    "ug": "ةكےہھٹڈڑںټډړږښڼۍێڕڵصضطظذث",
    "ru": "іїєґўјљњћђџѓќѕ",
    "uk": "ыэёъўјљњћђџѓќѕ",
    "be": "ищъїєґјљњћђџѓќѕ",
    "bg": "ыэёіїєґўјљњћђџѓќѕ",
    "mk": "ыэёіїєґўщъьюяйћђ",
    "sr": "ыэёіїєґўщъьюяйѓќѕ",
}
# Languages that are mistaken for another in short questions, and what their questions have in them.
_QUESTION_WORDS = {
    language: frozenset(words.split())
    for language, words in {
        "bg": "кой коя кое кои какво къде кога защо колко",
        "en": "what who whom whose when where why how which did does is are was were has had the",
        "fa": "چه کی کیست کجا کجاست کدام چرا آیا چند چیست",
        "ps": "څه څوک چا کله چېرته ولې څومره",
        "ru": "что кто кого кому где когда почему зачем сколько какой какая какие",
        "uk": "що хто кого кому де коли чому навіщо скільки який яка які",
        "ur": "کیا کون کس کب کہاں کیوں کتنے کتنی ہے ہیں",
    }.items()
}
_LETTER = re.compile(r"[^\W\d_]")
_ADDRESS = re.compile(r"\S*(?:://|@|www\.)\S*")
_LATIN_WORD = re.compile(r"[A-Za-zÀ-ɏ][A-Za-zÀ-ɏ'’-]*")
_WORD = re.compile(r"\w+")
_OTHER_WORD = re.compile(r"(?:(?![A-Za-zÀ-ɏªº])[^\W\d_]){2,}")
_RIGHT_TO_LEFT = frozenset(("ar", "arc", "ckb", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"))


def detect_language(text: str, likely: Collection[str] = ()) -> str:
    """The ISO 639-1 code of the language (`ckb` for Sorani); empty when the text has no letters.

    `likely` are languages that are expected: one of them is preferred in a close contest.
    """
    sample = _without_names(_ADDRESS.sub(" ", _sample(text)))
    if not _LETTER.search(sample):
        return ""
    scores = _scores(sample)
    letters = set(sample.casefold())
    words = set(_WORD.findall(sample.casefold()))
    for language in scores:
        scores[language] += _LIKELY * (language in likely) + _PRIOR.get(language, 0.0)
        scores[language] += _FOREIGN_LETTER * len(letters.intersection(_NOT_WRITTEN.get(language, "")))
        scores[language] += _ASKS * (not words.isdisjoint(_QUESTION_WORDS.get(language, ())))
    return max(scores, key=lambda language: scores[language], default="")


def is_right_to_left(language: str) -> bool:
    """Whether the language is written from right to left."""
    return language in _RIGHT_TO_LEFT


def _sample(text: str) -> str:
    if len(text) <= _HEAD + _MIDDLE:
        return text
    middle = len(text) // 2
    return f"{text[:_HEAD]} {text[middle : middle + _MIDDLE]}"


def _without_names(text: str) -> str:
    """The text without names in another script: “Что такое Crocus City Hall?” is Russian."""
    other = _OTHER_WORD.findall(text)
    latin = _LATIN_WORD.findall(text) if other else []
    if not latin:
        return text
    if all(word[0].isupper() for word in latin):
        return _LATIN_WORD.sub(" ", text)
    return _OTHER_WORD.sub(" ", text) if len(latin) > len(other) else text


def _scores(text: str) -> dict[str, float]:
    """Each language's log-probability."""
    import py3langid

    scores: dict[str, float] = {}
    for label, score in py3langid.rank(text):  # best first
        language = _VARIETIES.get(label, label)
        if len(language) == 2 or language in _VARIETIES.values():
            scores.setdefault(language, score)
    return scores
