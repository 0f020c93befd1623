"""Numbers in a text: digits of any script, and words for small numbers in four languages."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from index.fold import fold, listed

Bound = Literal["", "more", "less", "about"]

_UNITS = {
    0: "zero ноль صفر",
    1: "one один одна одно одного одной одному одним одну واحد واحدة احدى إحدى یک",
    2: "two два две двух двум двумя двое двоих оба обе اثنان اثنين اثنتان اثنتين اثنا اثني اثنتا اثنتي دو",
    3: "three три трех тремя трем трое троих ثلاثة ثلاث سه",
    4: "four четыре четырех четырем четырьмя четверо четверых أربعة أربع چهار",
    5: "five пять пяти пятью пятеро пятерых خمسة خمس پنج",
    6: "six шесть шести шестью шестеро шестерых ستة ست شش",
    7: "seven семь семи семью семеро семерых سبعة سبع هفت",
    8: "eight восемь восьми восемью восьмью ثمانية ثماني ثمان هشت",
    9: "nine девять девяти девятью تسعة تسع نه",
    10: "ten десять десяти десятью عشرة عشر ده",
    11: "eleven одиннадцать одиннадцати یازده",
    12: "twelve двенадцать двенадцати dozen дюжина دوازده",
    13: "thirteen тринадцать тринадцати سیزده",
    14: "fourteen четырнадцать четырнадцати چهارده",
    15: "fifteen пятнадцать пятнадцати پانزده",
    16: "sixteen шестнадцать шестнадцати شانزده",
    17: "seventeen семнадцать семнадцати هفده",
    18: "eighteen восемнадцать восемнадцати هجده هیجده",
    19: "nineteen девятнадцать девятнадцати نوزده",
    20: "twenty двадцать двадцати عشرون عشرين بیست",
    30: "thirty тридцать тридцати ثلاثون ثلاثين سی",
    40: "forty сорок сорока أربعون أربعين چهل",
    50: "fifty пятьдесят пятидесяти خمسون خمسين پنجاه",
    60: "sixty шестьдесят шестидесяти ستون ستين شصت",
    70: "seventy семьдесят семидесяти سبعون سبعين هفتاد",
    80: "eighty восемьдесят восьмидесяти ثمانون ثمانين هشتاد",
    90: "ninety девяносто девяноста تسعون تسعين نود",
    100: "сто ста مئة مائة صد یکصد",
    200: "двести двухсот مئتان مئتين مائتان مائتين مئتا مئتي دویست",
    300: "триста трехсот ثلاثمئة ثلاثمائة سیصد",
    400: "четыреста четырехсот أربعمئة أربعمائة چهارصد",
    500: "пятьсот пятисот خمسمئة خمسمائة پانصد",
    600: "шестьсот шестисот ستمئة ستمائة ششصد",
    700: "семьсот семисот سبعمئة سبعمائة هفتصد",
    800: "восемьсот восьмисот ثمانمئة ثمانمائة ثمانيمئة هشتصد",
    900: "девятьсот девятисот تسعمئة تسعمائة نهصد",
}
_SCALES = {
    100: "hundred hundreds",
    1_000: "thousand thousands тысяча тысячи тысяч тысячу тысячами тыс ألف آلاف الفا هزار",
    1_000_000: "million millions mn миллион миллиона миллионов млн مليون ملايين مليونا میلیون",
    1_000_000_000: "billion billions bn миллиард миллиарда миллиардов млрд مليار مليارات بليون میلیارد",
    1_000_000_000_000: "trillion триллион триллиона триллионов трлн تريليون تریلیون",
}
# Two of a thing is an ending in Arabic; these are the things that news counts.
_DUAL_STEMS = listed(
    """
    شخص قتيل جريح جندي مدني طفل عام سنت يوم شهر ساعت مرت دولت صاروخ شاب رجل امرأت فلسطيني شرطي ضابط
    أسبوع طائرت سفينت مليون ألف عامل موظف صحافي صحفي مسلح مرحلت
    """
)
_ORDINALS = {
    1: "first первый первая первое первого первой первую الأول الأولى اول نخست نخستین اولین",
    2: "second второй вторая второе второго вторую الثاني الثانية ثانٍ دوم دومین",
    3: "third третий третья третье третьего третьей третью الثالث الثالثة سوم سومین",
    4: "fourth четвертый четвертая четвертого четвертой четвертую الرابع الرابعة چهارم چهارمین",
    5: "fifth пятый пятая пятого пятой пятую الخامس الخامسة پنجم پنجمین",
    6: "sixth шестой шестая шестого шестую السادس السادسة ششم",
    7: "seventh седьмой седьмая седьмого седьмой السابع السابعة هفتم",
    8: "eighth восьмой восьмая восьмого الثامن الثامنة هشتم",
    9: "ninth девятый девятая девятого девятой التاسع التاسعة نهم",
    10: "tenth десятый десятая десятого десятой العاشر العاشرة دهم",
}
_PERCENT = re.compile(r"\s*(?:%|per ?cent|процент\w*|فی الم[یا]*ه|بالم[یا]*ه|درصد)")
_BOUNDS: dict[Bound, str] = {
    "more": r"more than|over|at least|no (?:less|fewer) than|above|exceed\w*|upwards of|اکثر من|ما یزید "
    "علی|"
    r"ما لا یقل عن|لا یقل عن|علی الاقل|یزید عن|تجاوز\w*|فوق|более|больше|свыше|не менее|как минимум|"
    r"بیش از|بیشتر از|دستکم|دست کم|حداقل|بالغ بر",
    "less": r"less than|fewer than|under|at most|up to|no more than|below|اقل من|ما لا یزید عن|لا یتجاوز|"
    r"حتی|менее|меньше|не более|до|максимум|کمتر از|حداکثر|تا",
    "about": r"about|around|nearly|almost|some|roughly|approximately|close to|نحو|حوالی|قرابه|زهاء|ما "
    "یقارب|"
    r"قرابه|تقریبا|около|почти|примерно|порядка|حدود|نزدیک به|قریب به",
}
# What a figure counts, where news mixes figures most: the dead, the hurt, the held, the missing.
_COUNTED = {
    "dead": r"kill\w*|dead|death\w*|died|fatalit\w*|(?:ال)?قتل[یا]?\w*|مقتل|قتیل\w*|مصرع|وفا[هت]|شهید|"
    r"شهداء?|توف\w*|"
    r"погиб\w*|убит\w*|смерт\w*|жертв\w*|کشته\w*|جان باخت\w*|کشت\w*",
    "hurt": r"wound\w*|injur\w*|hurt|(?:ال)?جرح\w*|جریح\w*|اصاب[هت]\w*|اصیب\w*|مصاب\w*|ранен\w*|"
    r"пострада\w*|"
    r"زخمی\w*|مجروح\w*|مصدوم\w*",
    "held": r"arrest\w*|detain\w*|اعتق\w*|معتقل\w*|توقیف|арест\w*|задержа\w*|بازداشت\w*|دستگیر\w*",
    "missing": r"missing|مفقود\w*|пропав\w*|пропал\w*|ناپدید\w*|مفقود\w*",
    "saved": r"rescu\w*|saved|survi\w*|انقاذ\w*|نجا\w*|спас\w*|выжи\w*|نجات\w*",
}
_DIGITS = re.compile(r"(?<![\w.,])\d{1,3}(?:[ ']\d{3})+(?![\d])(?:[.,]\d+)?|\d+(?:[.,:']\d+)*")
_WORDS = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Number:
    """One number: `values` has several when separators are ambiguous (1.200)."""

    text: str
    values: frozenset[float]
    start: int
    end: int
    percent: bool = False
    bound: Bound = ""
    ordinal: bool = False
    spelled: bool = False
    counts: frozenset[str] = frozenset()


def find_numbers(folded: str, skip: Sequence[tuple[int, int]] = (), *, persian: bool) -> list[Number]:
    """The numbers of a folded text outside the spans `skip` (its dates)."""
    masked = folded
    for start, end in skip:
        masked = masked[:start] + "\x00" * (end - start) + masked[end:]
    # "In the hundred" is how Arabic says percent.
    wordless = _PERCENT.sub(lambda m: " " * len(m[0]), masked)
    raw = sorted((*_in_digits(masked), *_in_words(wordless, persian)), key=lambda n: n.start)
    merged = _with_scales(masked, raw)
    spans = [(n.start, n.end) for n in merged]
    return [
        Number(
            text=folded[n.start : n.end].strip(),
            values=n.values,
            start=n.start,
            end=n.end,
            percent=_PERCENT.match(masked, n.end) is not None,
            bound=_bound(masked[max(0, n.start - 24) : n.start]),
            ordinal=n.ordinal,
            spelled=n.spelled,
            counts=_counted(masked, n, spans),
        )
        for n in merged
    ]


def check_numbers(statement: Sequence[Number], sentences: Sequence[Number]) -> str:
    """Empty when each number of the statement is in the sentences, else what is wrong."""
    for wanted in statement:
        if wanted.ordinal:
            ordinals = [n for n in sentences if n.ordinal]
            # "Second" is often left out or said otherwise: only another ordinal contradicts it.
            if ordinals and not any(n.values & wanted.values for n in sentences):
                return f"the cited sentences do not say {wanted.text!r}"
            continue
        # "Thousands of people" is no figure; in Persian "one" is the article.
        if wanted.text in _scales() or wanted.text == "یک":
            continue
        same = [n for n in sentences if _supports(n, wanted)]
        if not same:
            # "One" is often no number ("one of them", an article in Persian).
            if wanted.spelled and wanted.values == {1.0} and not any(not n.ordinal for n in sentences):
                continue
            return f"the cited sentences do not give the number {wanted.text!r}"
        counts = [n.counts for n in same]
        if wanted.counts and all(c and not c & wanted.counts for c in counts):
            return f"in the cited sentences the number {wanted.text!r} counts something else"
        if wanted.bound in ("more", "less") and all(
            n.bound in ("more", "less") and n.bound != wanted.bound for n in same
        ):
            return f"the cited sentences give {wanted.text!r} as the opposite limit"
    return ""


def _supports(known: Number, wanted: Number) -> bool:
    if known.ordinal:
        return False
    if wanted.percent and not known.percent:
        return False
    if known.values & wanted.values:
        return True
    for value in known.values:
        for target in wanted.values:
            # "More than 140" for 143, "about 1,000" for 996.
            if wanted.bound == "more" and target <= value <= target * 1.1:
                return True
            if wanted.bound in ("less", "about") and abs(value - target) <= 0.05 * target and target >= 20:
                return True
    return False


def _in_digits(text: str) -> Iterator[Number]:
    for match in _DIGITS.finditer(text):
        yield Number(match[0], frozenset(_values(match[0])), match.start(), match.end())
        if " " in match[0]:
            # "In 22 137 people" is rare, but then these are two numbers.
            for part in re.finditer(r"\d+", match[0]):
                yield Number(
                    part[0], frozenset({float(part[0])}), match.start() + part.start(), match.end()
                )


def _values(digits: str) -> Iterator[float]:
    if ":" in digits:
        hours, _, rest = digits.partition(":")
        minutes = re.split(r"\D", rest)[0]
        # A time of day, in its own range, so that it never equals a count. 3:30 may be 15:30.
        for hour in {int(hours), (int(hours) + 12) % 24}:
            yield -(hour * 60 + int(minutes)) - 1.0
        return
    plain = re.sub(r"[ ']", "", digits)
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", plain) or re.fullmatch(r"\d+\.\d+", plain):
        yield float(plain.replace(",", ""))
    if re.fullmatch(r"\d{1,3}(?:\.\d{3})+(?:,\d+)?", plain) or re.fullmatch(r"\d+,\d+", plain):
        yield float(plain.replace(".", "").replace(",", "."))
    if plain.isdigit():
        yield float(plain)


def _in_words(text: str, persian: bool) -> Iterator[Number]:
    words = list(_WORDS.finditer(text))
    position = 0
    while position < len(words):
        value, last = _read(text, words, position, persian)
        ordinal = False
        if last is None:
            word = words[position][0]
            value, ordinal = _ordinals().get(word, 0), word in _ordinals()
            value = value or (2.0 if word in _duals() or word[1:] in _duals() else 0.0)
            last = position if value else None
        if last is None:
            position += 1
            continue
        start, end = words[position].start(), words[last].end()
        yield Number(text[start:end], frozenset({value}), start, end, ordinal=ordinal, spelled=True)
        position = last + 1


def _read(text: str, words: Sequence[re.Match[str]], first: int, persian: bool) -> tuple[float, int | None]:
    """The number that starts with the word `first`, and its last word; None when there is none."""
    total = current = 0
    last, scaled, index = None, False, first
    while index < len(words):
        if index > first and text[words[index - 1].end() : words[index].start()].strip(" -"):
            break
        word, linked = words[index][0], False
        if last is not None and word in ("and", "و") and (persian if word == "و" else scaled):
            index, linked = index + 1, True
            if index == len(words):
                break
            word = words[index][0]
        elif last is not None and not persian and word.startswith("و"):
            word, linked = word[1:], True
        value = _value(word, persian)
        if value is None:
            break
        if word in _scales() or word.removeprefix("ال") in _scales():
            if value == 100:
                current = max(current, 1) * 100
            else:
                total, current = total + max(current, 1) * value, 0
            scaled = True
        elif last is None or _fits(current, value, linked):
            current += value
        else:
            break
        last, index = index, index + 1
    return float(total + current), last


def _fits(current: int, value: int, linked: bool) -> bool:
    """Whether a word can go on a number: each decimal place is said once."""
    unit, tens = current % 10, current // 10 % 10
    if value < 10:
        return unit == 0 and tens != 1
    if value < 100:
        # Arabic says the unit first: "five ten" is 15, "five and twenty" is 25.
        return tens == 0 and (unit == 0 or ((value == 10) != linked and value % 10 == 0))
    return current % 1000 == 0


def _with_scales(text: str, numbers: list[Number]) -> list[Number]:
    """`2.5 million`: digits with the word for a scale after them."""
    merged: list[Number] = []
    for n in numbers:
        before = merged[-1] if merged else None
        if (
            before is not None
            and not before.spelled
            and n.spelled
            and not text[before.end : n.start].strip(" -.")
            and text[n.start : n.end] in _scales()
        ):
            scale = next(iter(n.values))
            values = frozenset(value * scale for value in before.values)
            merged[-1] = Number(before.text, values, before.start, n.end)
            continue
        merged.append(n)
    return merged


def _bound(before: str) -> Bound:
    for bound in ("more", "less", "about"):
        if re.search(rf"(?<!\w)(?:{fold(_BOUNDS[bound])})\s*(?:[$€£]|\w+\s)?\s*$", before):
            return bound
    return ""


def _counted(text: str, n: Number, spans: Sequence[tuple[int, int]]) -> frozenset[str]:
    """What the words right before and after a number say it counts."""
    start = max((e for _, e in spans if e <= n.start), default=0)
    end = min((s for s, _ in spans if s >= n.end), default=len(text))
    stops = r"[,;.،؛]|\b(?:and|и|а|while|but)\b|(?<!\w)و"
    after = re.split(stops, text[n.end : end])[0].split()[:5]
    before = re.split(stops, text[start : n.start])[-1].split()[-3:]
    found = classes(" ".join(after))
    # "137 killed": what follows tells; "killed 137 people": else what precedes.
    return frozenset(found or classes(" ".join(before)))


def classes(text: str) -> set[str]:
    """What a folded text tells of that figures count: `dead`, `hurt`, `held`, `missing`, `saved`."""
    return {name for name, pattern in _counted_patterns().items() if pattern.search(text)}


@cache
def _counted_patterns() -> dict[str, re.Pattern[str]]:
    return {
        name: re.compile(rf"(?<!\w)(?:ب|ل|ال)?(?:{fold(pattern)})(?!\w)")
        for name, pattern in _COUNTED.items()
    }


@cache
def _vocabulary() -> dict[str, int]:
    return {fold(w): value for value, words in (*_UNITS.items(), *_SCALES.items()) for w in words.split()}


@cache
def _ordinals() -> dict[str, int]:
    return {fold(w): value for value, words in _ORDINALS.items() for w in words.split()}


# Words of one language that mean something else in the other that shares its letters.
_PERSIAN_ONLY = frozenset(map(fold, ["نه", "سی", "ده", "صد", "دو", "سه", "یک", "شش", "هزار", "نود"]))
_ARABIC_ONLY = frozenset(map(fold, ["ست", "عشر", "ألف", "سبع", "تسع", "ستون"]))


def _value(word: str, persian: bool) -> int | None:
    table = _vocabulary()
    for candidate in (word, word.removeprefix("ال"), word[1:] if word[:1] in "بلف" else ""):
        if candidate in table and candidate not in (_ARABIC_ONLY if persian else _PERSIAN_ONLY):
            return table[candidate]
    return None


@cache
def _scales() -> frozenset[str]:
    return frozenset(fold(w) for words in _SCALES.values() for w in words.split())


@cache
def _duals() -> frozenset[str]:
    return frozenset(fold(stem + ending) for stem in _DUAL_STEMS for ending in ("ان", "ين"))
