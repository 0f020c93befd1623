"""A text to sentences with exact offsets, and sentences to passages.

`sentencex` proposes where sentences end; rules here correct it where news text in Arabic, Persian,
Russian and English needs it. The same text always gives the same sentences.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from itertools import pairwise

import sentencex

from index.types import Passage, Sentence

# A quotation stays in one piece up to this length; longer ones are split at the sentences inside.
_LONG_QUOTATION = 600
# Longer than this is no sentence: it is cut after clauses, else at spaces, else anywhere.
_LONGEST = 1_500
# The library takes quadratic time over quotation marks, so it sees no more than this at once.
_WINDOW = 4_000
# A passage may be this much larger than asked for, unless it is a single sentence.
_SLACK = 1.25
# A clause behind an Arabic semicolon stands alone when it has this many words, and so has the one before.
_CLAUSE_WORDS = 3

Span = tuple[int, int]


def split_sentences(text: str, language: str = "") -> tuple[Sentence, ...]:
    """The sentences of a text in order; every line break ends one.

    All visible text is in exactly one sentence. A line of white space and invisible marks is in none.
    """
    return tuple(
        Sentence(text[start:end], start, end)
        for line in _LINE.finditer(text)
        for start, end in _sentences_of_line(line.group(), line.start(), language)
    )


def pack_passages(
    sentences: Sequence[Sentence], count_tokens: Sequence[int], target: int
) -> tuple[Passage, ...]:
    """Runs of neighbouring sentences whose sizes come as near to `target` tokens as they can.

    The division minimises the sum of (size - target)² over the passages: a text a little too long
    for one passage becomes two even ones, and no scrap is left at the end.
    """
    if len(sentences) != len(count_tokens):
        raise ValueError(f"{len(sentences)} sentences but {len(count_tokens)} token counts")
    costs = [0.0]
    starts = [0]
    for end in range(1, len(sentences) + 1):
        size, best = 0, (float("inf"), 0)
        for start in range(end - 1, -1, -1):
            # No sentence is free, or a run of empty ones would have no limit.
            size += max(1, count_tokens[start])
            if size > target * _SLACK and start < end - 1:
                break
            best = min(best, (costs[start] + (size - target) ** 2, start))
        costs.append(best[0])
        starts.append(best[1])
    bounds = [len(sentences)]
    while bounds[-1] > 0:
        bounds.append(starts[bounds[-1]])
    return tuple(Passage(tuple(sentences[start:end])) for start, end in pairwise(reversed(bounds)))


# -- a line to sentences -------------------------------------------------------------------------

_LINE = re.compile(r"[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_VISIBLE = re.compile(rf"[^\s{_BIDI}\u00ad\u180e\u200b-\u200d\u2060-\u2064\ufeff]")
_WORD = re.compile(r"[^\W_]")
_WORDS = re.compile(r"\w+")
_APOSTROPHE = re.compile(r"(?<=\w)['’](?=\w)")
# Same length, other characters: bidi marks hide terminators from the library, and it takes every
# apostrophe for a quotation mark.
_APOSTROPHES_AND_BIDI = dict.fromkeys(
    [*map(ord, "'’‘\u061c\u200b\u200e\u200f\ufeff"), *range(0x202A, 0x202F), *range(0x2066, 0x206A)], " "
)
_QUOTES_TOO = _APOSTROPHES_AND_BIDI | dict.fromkeys(
    map(ord, '"«»‹›“”„‟「」『』()[]{}（）【】《》〈〉'), " "
)


def _sentences_of_line(line: str, offset: int, language: str) -> Iterator[Span]:
    plain = _APOSTROPHE.sub("x", line).translate(_APOSTROPHES_AND_BIDI)
    for start, end in _spans(line, plain, language):
        for first, last in _clauses(line, start, end, language):
            for a, z in _cut(line, first, last):
                yield offset + a, offset + z


def _spans(line: str, plain: str, language: str) -> list[Span]:
    """Where the sentences are; `plain` is the line as the library may see it."""
    ends: list[int] = []
    start, word = 0, -1
    for proposed in merge(_library_ends(plain, language), _missed_ends(plain)):
        stop, end = _stop(line, plain, start, proposed)
        if stop <= start:
            continue
        if word < start:  # the next word, looked for once only or time would be quadratic
            found = _WORD.search(line, start)
            word = found.start() if found else len(line)
        if word < stop and _ends_sentence(line, start, stop, end):
            ends.append(end)
            start = end
    # What has no word in it belongs to the sentence before.
    if ends and not _WORD.search(line, ends[-1]):
        ends.pop()
    return _trimmed(line, 0, len(line), ends)


def _library_ends(plain: str, language: str) -> Iterator[int]:
    start = 0
    while start < len(plain):
        window = plain[start : start + _WINDOW]
        found = sentencex.get_sentence_boundaries(language or "en", window)
        ends = [start + int(sentence["end_index"]) for sentence in found]
        if start + len(window) < len(plain):
            ends = ends[:-1]  # the last sentence may go on: the next window begins with it
        yield from ends
        start = max(start + 1, ends[-1]) if ends else start + len(window)


def _clauses(line: str, start: int, end: int, language: str) -> Iterator[Span]:
    """A sentence's parts: those of an overlong quotation, and clauses after an Arabic semicolon."""
    spans = [(start, end)]
    if end - start > _LONG_QUOTATION:
        piece = line[start:end]
        plain = _APOSTROPHE.sub("x", piece).translate(_QUOTES_TOO)
        inner = _spans(piece, plain, language)
        spans = [(start + first, start + last) for first, last in inner]
    for first, last in spans:
        yield from _trimmed(line, first, last, _semicolons(line, first, last))


def _semicolons(line: str, start: int, end: int) -> list[int]:
    """Ends of clauses that can stand alone."""
    piece = line[start:end]
    if "؛" not in piece:
        return []
    marks = [0, *_outside_quotes(_SEMICOLON, piece), len(piece)]
    words = [len(_WORDS.findall(piece, first, last)) for first, last in pairwise(marks)]
    ends = []
    before = words[0]
    for mark, after in zip(marks[1:-1], words[1:], strict=True):
        if before >= _CLAUSE_WORDS and after >= _CLAUSE_WORDS:
            ends.append(start + mark)
            before = 0
        before += after
    return ends


def _cut(line: str, start: int, end: int) -> Iterator[Span]:
    """An overlong sentence in pieces of like size; others as they are."""
    while end - start > _LONGEST:
        # Not before the middle, so that a comma early on leaves no stub.
        middle, limit = start + _LONGEST // 2, start + _LONGEST
        places = [match.end() for match in _CLAUSE_END.finditer(line, middle, limit)]
        places = places or [match.end() for match in _SPACE.finditer(line, middle, limit)]
        place = places[-1] if places else _between_characters(line, limit)
        yield from _trimmed(line, start, place, ())
        start = place
    yield from _trimmed(line, start, end, ())


_CLAUSE_END = re.compile(r"[,;:،؛](?=\s)|[、，；：]|\s[—–](?=\s)")
_SPACE = re.compile(r"\s")
_JOINS = re.compile(
    r"[\u0300-\u036f\u064b-\u065f\u200c\u200d\u20d0-\u20ff\ufe00-\ufe0f\U0001f3fb-\U0001f3ff]"
)


def _between_characters(line: str, place: int) -> int:
    """A place near this one that parts no letter from its accent and no emoji from its other half."""
    for near in range(place, place - 32, -1):
        if not _JOINS.match(line, near) and line[near - 1] != "\u200d":
            return near
    return place


def _trimmed(line: str, start: int, end: int, ends: Iterable[int]) -> list[Span]:
    """The spans between the given ends without the white space around them; invisible ones left out."""
    spans = []
    for first, last in pairwise((start, *ends, end)):
        piece = line[first:last]
        if _VISIBLE.search(piece):
            spans.append((last - len(piece.lstrip()), first + len(piece.rstrip())))
    return spans


# -- is a sentence over here? --------------------------------------------------------------------

# White space and quotation marks behind a terminator; more than this are no punctuation.
_FARTHEST = 100
_CLOSING = "\"'”’»›」』）)]】》〉\u200e\u200f\u202c\u2069"
_CLOSERS = re.compile(
    rf"(?:[{re.escape(_CLOSING)}]|“(?=\s|$)){{0,8}}(?:[ \u00a0\u202f]{{1,2}}[»”](?=[\s.,،;:؛]|$))?"
)
_CLOSING_QUOTE = re.compile("[\"'”’»›」』“]")
_NEXT = re.compile(rf"(?P<gap>[\s\"«“„‘'(\[¿¡{_BIDI}]*)(?P<mark>[^\w\s]?)\s*(?P<word>[\w-]*)(?P<dot>\.?)")
_LAST_WORD = re.compile(r"[^\s\"«»“”„‘'()\[\]—–][^\s\"«»“”„‘()\[\]—–]*$")
# Marks inside an abbreviation, the stroke that draws an Arabic letter out among them.
_UNHEARD = dict.fromkeys([0x061C, 0x0640, *range(0x200B, 0x2010), *range(0x202A, 0x202F), 0xFEFF])


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# A name or a word follows; the sentence goes on.
_BEFORE_NAMES = _words(
    "Mr Mrs Ms Mme Mlle Dr Prof Gen Sen Rep Gov Lt Col Sgt Cpl Capt Cmdr Maj Adm Hon Rev St Ste Mt Messrs "
    "Sr Sra Srta Dña Hr Ing approx ca vs viz cf e.g i.e "
    "им ул просп пер пл бул гор пос дер обл респ св проф акад доц канд ген полк подп лейт кап адм зам сост "
    "т.е т.к т.н т.ч напр д-р г-н г-жа б-р пр-т р-н "
    "دکتر د.م أ.د ا.د डॉ श्री पं प्रो"
)
# When a number follows, the sentence goes on.
_BEFORE_NUMBERS = _words(
    "no nos nr núm art fig vol p pp pág ch sec par max min ver est № рис табл илл стр гл с п ст ч кв д "
    "корп тел изд вып ок см ص ج ش"
)
# After an abbreviation, such a word begins a sentence; any other may be a name that belongs to it.
_FIRST_WORDS = _words(
    "The A An He She It They We I You But And In On At As After Before This That These Those There Then "
    "When While However Its His Her Their For If Yet Meanwhile "
    "Он Она Оно Они Мы Вы Я Это Этот Эта Эти В Во На Но А И По При После До Однако Так Там Тогда Также "
    "Ранее Позже Затем Кроме Как Когда Если Его Её Ее Их За Из К С Со У Для О Об От Теперь Сейчас Уже"
)
# 5 p.m. Monday
_CLOCK_WORDS = _words(
    "Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April May June July "
    "August September October November December EST EDT ET CST PST PT GMT UTC BST CET"
)
_MAY_END = re.compile(r"(?:[ap]\.m|т\.\s?[дп]|н\.\s?э)$")
_DOTTED = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]$")
_ARABIC_AND = re.compile(r"و[\u0621-\u06d3]$")
_ARABIC = re.compile(r"[\u0621-\u06d3]")
# "…؟" سأل الرجل: without capitals, only the verb shows that the sentence goes on.
_ARABIC_SPEECH = _words("سأل قال قالت أضاف أضافت تساءل تساءلت أجاب أجابت رد ردت صرح صرحت هتف صرخ")
_NUMBER = re.compile(r"(?:\d|\b[IVXLХ]+)\s*$")
_LIST_ITEM = re.compile(r"[\s(\[]*(?:\d{1,4}|[^\W\d_]|[ivxIVX]{1,5})[.)]+")

_BRACKET = r"(?P<bracket>[«»“”„\"()\[\]])"
_CLOSED_BY = {"«": "»", "„": "“”", "“": "”", '"': '"', "(": ")", "[": "]"}
_SEMICOLON = re.compile(rf"{_BRACKET}|؛")
# Abbreviations that may end a sentence and that the library never takes for an end.
_MISSED_END = re.compile(
    rf"{_BRACKET}|\b(?:чел|руб|коп|долл|млн|млрд|трлн|тыс|км|кг|др|т\.\s?[дп]|н\.\s?э)\.(?=\s+[«А-ЯЁ])"
    rf"|\d\s?гг?\.(?=\s+«?(?:{'|'.join(w for w in sorted(_FIRST_WORDS) if not w.isascii())})\b)"
    r"|\d{3}\s?(?:م|هـ)\.(?=\s)"
)


def _missed_ends(plain: str) -> Iterator[int]:
    return _outside_quotes(_MISSED_END, plain) if "." in plain else iter(())


def _outside_quotes(pattern: re.Pattern[str], text: str) -> Iterator[int]:
    """Ends of the pattern's matches that are in no quotation and no bracket."""
    opened: list[str] = []
    for match in pattern.finditer(text):
        bracket = match["bracket"]
        if bracket is None:
            if not opened:
                yield match.end()
        elif opened and bracket in _CLOSED_BY[opened[-1]]:
            opened.pop()
        elif bracket in _CLOSED_BY:
            opened.append(bracket)


def _stop(line: str, plain: str, start: int, proposed: int) -> Span:
    """Where the terminator is and, behind it, the last closing quote that belongs to it."""
    stop, limit = proposed, max(start, proposed - _FARTHEST)
    while stop > limit and (plain[stop - 1].isspace() or line[stop - 1] in _CLOSING):
        stop -= 1
    closers = _CLOSERS.match(line, stop)
    return stop, closers.end() if closers else stop


def _ends_sentence(line: str, start: int, stop: int, end: int) -> bool:
    """Whether the sentence that began at `start` is over behind the terminator at `stop`."""
    following = _NEXT.match(line[end : end + 60])
    assert following  # every part of the pattern may be empty
    word = following["word"]
    goes_on = word[:1].islower() and not word[1:2].isupper()
    quoted = bool(_CLOSING_QUOTE.search(line, stop, end))
    if following["mark"] and following["mark"] in ",،;؛:":
        return False
    if quoted and (word in _ARABIC_SPEECH or (end < len(line) and line[end] in "とっ")):
        return False
    if line[stop - 1] in "!?؟…‥" or line[max(start, stop - 2) : stop] == "..":
        return not goes_on
    if line[stop - 1] != ".":
        return not line[stop - 1].isspace()
    if end - start < 12 and _LIST_ITEM.fullmatch(line, start, end):
        return False
    joined = end < len(line) and line[end].isalnum() and line[stop - 2 : stop - 1].isalnum()
    # Numbers and addresses have no space here; but Arabic news often leaves it out between sentences.
    if joined and (line[stop - 2].isdigit() or line[end].isascii()):
        return False
    return not _is_abbreviation(line[max(start, stop - 40) : stop - 1], following, goes_on, quoted)


def _is_abbreviation(before: str, following: re.Match[str], goes_on: bool, quoted: bool) -> bool:
    """Whether the full stop behind `before` belongs to an abbreviation inside the sentence."""
    before = before.translate(_UNHEARD)
    found = _LAST_WORD.search(before)
    last = found.group() if found else ""
    word = following["word"]
    if last in _BEFORE_NAMES or (not last.isascii() and last.lower() in _BEFORE_NAMES):
        return True
    if word[:1].isdigit() and last.lower() in _BEFORE_NUMBERS:
        return True
    if goes_on:
        return quoted or len(last) <= 4 or "." in last
    if _MAY_END.search(before):
        return word in _CLOCK_WORDS
    if _ARABIC_AND.match(last):  # the conjunction is written together with the abbreviation
        last = last[1:]
    if last in ("г", "гг") or _DOTTED.match(last) or (len(last) == 1 and last.isalpha()):
        if len(word) == 1 and following["dot"]:  # one more initial
            return True
        after_number = bool(_NUMBER.search(before[: len(before) - len(last)]))
        if _ARABIC.match(last):
            return not (after_number and last in ("م", "ه"))  # the year of a calendar
        if last.isascii() or last.isupper() or after_number:
            return bool(word) and word not in _FIRST_WORDS and last.upper() != last.lower()
        return True
    return False
