"""Acts of speech told in plain words: who says, warns or denies what, to whom.

Patterns for the commonest finite verbs of four languages, and precise rather than complete: where
the words beside the verb do not plainly say who speaks, nothing is found.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from index.fold import aligned, clean, fold, listed, lower, script_of
from rag.stance import is_negated, is_persian

# Finite verbs by act; a name of ours, then the forms.
_VERBS = {
    "en": {
        "say": "said says told tells stated announced reported declared",
        "warn": "warned warns",
        "deny": "denied denies",
        "confirm": "confirmed confirms acknowledged admitted",
        "accuse": "accused accuses blamed",
        "threaten": "threatened threatens",
        "urge": "urged urges",
        "refuse": "rejected rejects refused",
        "condemn": "condemned condemns",
        "promise": "promised pledged vowed",
    },
    "ar": {
        "say": "قال قالت يقول تقول أعلن أعلنت صرح صرحت ذكر ذكرت أفاد أفادت أوضح أوضحت أضاف أضافت",
        "warn": "حذر حذرت يحذر تحذر",
        "deny": "نفى نفت ينفي تنفي أنكر أنكرت",
        "confirm": "أكد أكدت يؤكد تؤكد أقر أقرت اعترف اعترفت",
        "accuse": "اتهم اتهمت يتهم تتهم",
        "threaten": "هدد هددت توعد توعدت",
        "refuse": "رفض رفضت",
        "condemn": "أدان أدانت ندد نددت استنكر استنكرت",
        "promise": "تعهد تعهدت",
    },
    "ru": {
        "say": "сказал сказала сказали заявил заявила заявили сообщил сообщила сообщило сообщили объявил "
        "объявила объявили",
        "warn": "предупредил предупредила предупредили предупреждал предупреждала предупреждали",
        "deny": "опроверг опровергла опровергли отрицает отрицают отрицал отрицала отрицали",
        "confirm": "подтвердил подтвердила подтвердили признал признала",
        "accuse": "обвинил обвинила обвинили",
        "threaten": "пригрозил пригрозила пригрозили",
        "refuse": "отверг отвергла отвергли",
        "condemn": "осудил осудила осудили",
        "promise": "пообещал пообещала пообещали",
    },
    "fa": {
        "say": "گفت گفتند اعلام_کرد اعلام_کردند اظهار_داشت گزارش_داد خبر_داد",
        "warn": "هشدار_داد هشدار_دادند هشدار_داده_بود هشدار_داده_است",
        "deny": "تکذیب_کرد تکذیب_کردند",
        "confirm": "تأیید_کرد تأیید_کردند اذعان_کرد",
        "accuse": "متهم_کرد متهم_کردند",
        "threaten": "تهدید_کرد تهدید_کردند",
        "refuse": "رد_کرد رد_کردند رد_می‌کند",
        "condemn": "محکوم_کرد محکوم_کردند",
        "promise": "قول_داد وعده_داد",
    },
}
_THAT = {"en": "that", "ar": "إن|أن|بأن|إنه|إنها|أنه|أنها", "ru": "что", "fa": "که"}
# Where a clause begins, so that what stands between it and the verb is who acts.
_CLAUSE_START = {
    "en": r"^|[,;:\"«“—]\s+|\bthat\s+|\band\s+|\bbut\s+|\bwhile\s+",
    "ar": r"^|[،,؛:]\s+|(?<!\w)(?:إن|أن|بأن)\s+",
    "ru": r"^|[,;:—]\s+|(?<!\w)(?:что|и|но|а)\s+",
    "fa": r"^|[،,؛:]\s+|(?<!\w)(?:که|و)\s+",
}
# Words between who acts and the verb that are no part of a name.
_BESIDE = {
    "en": r"\s+(?:has|have|had|also|later|earlier|repeatedly|then|again|publicly)$",
    "ar": r"\s+(?:قد|كانت|كان|أيضا)$",
    "ru": r"\s+(?:также|ранее|позже|неоднократно|не|со ссылкой на .*)$",
    "fa": r"\s+(?:هم|نیز|پیشتر|بارها)$",
}
_LIGHT_WARNING = re.compile(
    r"(?P<verb>(?:gave|sent|issued|passed))\s+(?P<to>[^,;.]{2,50}?)\s+an?\s+(?:\w+\s+){0,2}warning"
)
_TRANSITIVE = frozenset({"warn", "accuse", "threaten"})
# "Described as an official": who speaks is not told.
_PASSIVE = re.compile(r"\s(?:was|were|is|are|been|be)(?:\s|$)")
_PARTICIPLE = re.compile(r"\w+(?:ed|ing)\s+(?:as|by|about|to|in|on)\b")
_ADDRESSED = frozenset({"say", "warn", "accuse", "urge", "threaten"})
_PRONOUNS = frozenset(
    map(
        fold,
        listed(
            """
            he she it they we i who which that this some others and but as so there
            он она они это кто который которая которые же هو هي هم الذي التي بدوره بدورها
            او وی آنها این آن که
            """
        ),
    )
)
MAX_SPEAKER_WORDS = 9
MAX_ADDRESSEE_WORDS = 6
# Characters around a verb within which its negation stands.
NEAR = 12
_EDGES = ' \t\n,،;؛:–—-«»"“”'


@dataclass(frozen=True, slots=True)
class Saying:
    """One act of speech in the sentence's own words; `addressee` may be empty."""

    act: str
    speaker: str
    addressee: str
    content: str
    denied: bool


def find_sayings(text: str) -> list[Saying]:
    """The acts of speech of a sentence whose speaker is plain, in order."""
    places = aligned(text)
    if places is None:
        return []
    cleaned = lower(clean(text))
    language = _language(text)
    found = []
    for act, start, end, speaker, addressee, content in _told(cleaned, language):
        # "Did not confirm": the negation stands right before, in the same clause.
        around = re.split("[,،]", cleaned[max(0, start - NEAR) : end])[-1]
        denied = act in ("deny", "refuse") or is_negated(around, act)
        parts = [_own(text, places, span) for span in (speaker, addressee, content)]
        if parts[0] and parts[2] and fold(parts[0]) not in _PRONOUNS:
            found.append(Saying(act, parts[0], parts[1], parts[2].rstrip("."), denied))
    return found


def tells_of_saying(text: str, original: str) -> bool:
    """Whether a finite verb of saying is in a folded part of a sentence; `original` is the whole."""
    pattern = _verb_pattern(_language(original))
    return any(match.lastgroup == "say" for match in pattern.finditer(text))


Span = tuple[int, int]
_NONE = (0, 0)


def _told(text: str, language: str) -> Iterator[tuple[str, int, int, Span, Span, Span]]:
    for act, verb in _verbs(text, language):
        if language == "ar":
            speaker, rest = _arabic_subject(text, verb, act)
        elif language in ("en", "ru") and (inverted := _after_comma(text, verb)):
            yield act, verb.start(), verb.end(), inverted, _NONE, (0, verb.start())
            continue
        else:
            speaker, rest = _subject_before(text, verb.start(), language), verb.end()
        if speaker == _NONE:
            continue
        if language == "fa":
            speaker, addressee = _persian_parts(text, speaker)
        else:
            addressee = _object(text, rest, language) if _is_addressed(verb, act, language) else _NONE
        content = _content(text, max(rest, addressee[1]), speaker, act, language)
        content = _until_next(text, content, language)
        yield act, verb.start(), verb.end(), speaker, addressee, content
    if language == "en" and (light := _LIGHT_WARNING.search(text)):
        subject = _subject_before(text, light.start(), "en")
        content = _until_next(text, (light.end("to"), len(text)), "en")
        yield "warn", *light.span(), subject, light.span("to"), content


def _is_addressed(verb: re.Match[str], act: str, language: str) -> bool:
    """Whether the verb can have somebody as its object: "told", not "said"."""
    return act in _ADDRESSED and (act != "say" or language == "ar" or verb[0] in ("told", "tells"))


def _until_next(text: str, content: Span, language: str) -> Span:
    """The content without a further clause that tells of another act: "..., Reuters reported"."""
    start, end = content
    for match in _verb_pattern(language).finditer(text, start, end):
        comma = max(text.rfind(mark, start, match.start()) for mark in ",،;")
        if comma > start and len(text[comma : match.start()].split()) <= MAX_SPEAKER_WORDS:
            return start, comma
    return content


def _verbs(text: str, language: str) -> Iterator[tuple[str, re.Match[str]]]:
    for match in _verb_pattern(language).finditer(text):
        act = match.lastgroup
        if act is not None:
            yield act, match


@cache
def _verb_pattern(language: str) -> re.Pattern[str]:
    acts = "|".join(
        f"(?P<{act}>"
        + "|".join(fold(form).replace("_", r"\s+") for form in sorted(forms.split(), key=len, reverse=True))
        + ")"
        for act, forms in _VERBS[language].items()
    )
    return re.compile(rf"(?<![\w-])(?:{'[وف]?' if language == 'ar' else ''}(?:{acts}))(?![\w-])")


@cache
def _pattern(table: str, language: str) -> re.Pattern[str]:
    source = {"start": _CLAUSE_START, "beside": _BESIDE}[table][language]
    return re.compile(source if language in ("en", "ru") else _folded(source))


def _folded(pattern: str) -> str:
    """A pattern whose Arabic letters are those of cleaned texts."""
    return re.sub(r"[\u0600-\u06ff]+", lambda match: fold(match[0]) or match[0], pattern)


def _subject_before(text: str, verb: int, language: str) -> Span:
    """What stands between the beginning of the verb's clause and the verb, when that can be a name."""
    starts = [match.end() for match in _pattern("start", language).finditer(text, 0, verb)]
    start = max((s for s in starts if s < verb), default=0)
    part = text[start:verb].rstrip()
    while (shorter := _pattern("beside", language).sub("", part)) != part:
        part = shorter
    if language == "ru" and (early := re.match(r"(?:ранее|накануне|позже|также|тогда|и|а|но)\s+", part)):
        start, part = start + early.end(), part[early.end() :]
    words = part.split()
    if language == "en" and (
        re.search(r"\s(?:was|were|is|are|been|be)(?:\s|$)", part) or _PARTICIPLE.match(part)
    ):
        return _NONE
    # A clause that begins with a preposition or with a time has its subject elsewhere.
    if not 0 < len(words) <= MAX_SPEAKER_WORDS or _opens_otherwise(words[0]):
        return _NONE
    return start, start + len(part)


def _after_comma(text: str, verb: re.Match[str]) -> Span | None:
    """«..., сообщил ночью Следственный комитет»; "..., said Mykhailo Podolyak"."""
    if (
        not re.search(r"[,\"”»]\s*(?:[-—]\s*)?$", text[: verb.start()])
        or len(text[: verb.start()].split()) < 3
    ):
        return None
    stop = re.search(r"[.;,]|\b(?:on|in|at|that)\b|$", text[verb.end() :])
    part = text[verb.end() : verb.end() + (stop.start() if stop else 0)]
    late = re.match(r"\s*(?:(?:ночью|утром|вечером|днем|позже|ранее|в\s+\w+|накануне)\s+)*", part)
    start = verb.end() + (late.end() if late else 0)
    end = verb.end() + len(part)
    if re.match(r"(?:и|а|но)\s", text[start:end]):
        start += text[start:end].index(" ") + 1
    words = text[start:end].split()
    named = 0 < len(words) <= MAX_SPEAKER_WORDS and not _opens_otherwise(words[0])
    return (start, end) if named else None


def _arabic_subject(text: str, verb: re.Match[str], act: str) -> tuple[Span, int]:
    """Who acts, and where the rest begins: after the verb, or between "that" and the verb."""
    before = re.search(_folded(r"(?<!\w)(?:إن|أن|بأن)\s+((?:\w+\s+){1,4})$"), text[: verb.start()])
    if before:
        return (before.start(1), before.end(1) - 1), verb.end()
    stop = re.search(
        _folded(
            r"\s(?:إن|أن|بأن|إنه|إنها|أنه|أنها|من|في|يوم|أمس|مساء|صباح|خلال|بعد|قبل|عن|أي|ل\w{4,})(?!\w)|[،,:.؛]"
        ),
        text[verb.end() :],
    )
    end = verb.end() + (stop.start() if stop else 0)
    words = text[verb.end() : end].split()
    if not 0 < len(words) <= MAX_SPEAKER_WORDS or any(word[0].isdigit() for word in words):
        return _NONE, verb.end()
    if act in _TRANSITIVE and len(words) == 2 and not words[1].startswith("ال"):
        # Two names: who warns, and who is warned.
        end = verb.end() + text[verb.end() : end].rindex(words[1])
    return (verb.end() + 1, end), end


def _persian_parts(text: str, clause: Span) -> tuple[Span, Span]:
    """Subject and what stands behind "to" in what comes before a Persian verb."""
    part = text[slice(*clause)]
    some = re.match(_folded(r"(?:یکی|برخی|شماری|گروهی|دو|سه|چند)(?:\s\w+)?\s+از\s+"), part)
    to = re.compile(_folded(r"\s(?:به|در|از|درباره|این|آن|روز)\s")).search(part, some.end() if some else 0)
    if not to:
        return clause, _NONE
    subject = _pattern("beside", "fa").sub("", part[: to.start()])
    speaker = (clause[0], clause[0] + len(subject))
    if to[0].strip() != "به":
        return speaker, _NONE
    goal = re.match(r"[^،,]+", part[to.end() :])
    addressed = (clause[0] + to.end(), clause[0] + to.end() + len(goal[0].rstrip())) if goal else _NONE
    quoting = fold("نقل") in part[to.end() : to.end() + 6]
    return speaker, _NONE if quoting else addressed


def _object(text: str, start: int, language: str) -> Span:
    """Whom an act is addressed to: the words between the verb and "that", "of" or a comma."""
    stop = {
        "en": r"\s(?:that|of|about|over|not|to|on|in|with|at|by|it|he|she|they)\b|[,;.:]|\s\"",
        "ru": r"[,;.:]|\s(?:о|об|в|на|про|из|за|от)\s",
        "ar": _folded(r"\s(?:من|إن|أن|بأن|في|على|يوم|أمس|مساء|صباح|ب\w{3,})(?!\w)|[،,:.؛]"),
    }[language]
    match = re.search(stop, text[start:])
    part = text[start : start + match.start()] if match else ""
    if not 0 < len(part.split()) <= MAX_ADDRESSEE_WORDS:
        return _NONE
    to = re.match(r"\s*ل(?=\w{3})", part) if language == "ar" else None
    return start + (to.end() if to else 0), start + len(part)


def _content(text: str, start: int, speaker: Span, act: str, language: str) -> Span:
    """What was said: behind "that", before "X said", or what follows the verb."""
    that = re.search(rf"(?<!\w)(?:{_folded(_THAT[language])})(?!\w)[\s:]*", text[start:])
    # "Rejected that account" has no clause behind "that".
    if that and that.start() < 60 and act not in ("refuse", "condemn"):
        return start + that.end(), len(text)
    if act == "say" and language in ("en", "fa") and speaker[0] > len(text) / 3:
        return 0, speaker[0]
    following = text[start:].strip(_EDGES + ".")
    # "..., she said on Thursday": what follows says when, not what.
    return (start, len(text)) if len(following.split()) >= 3 else _NONE


def _opens_otherwise(word: str) -> bool:
    return word in _PREPOSITIONS or word in _PRONOUNS


_PREPOSITIONS = frozenset(
    map(
        fold,
        listed(
            """
            in on at by from with after before during under for to asked according if when because
            в во на о об после до при с со по за из к для когда если
            في على بعد قبل من عن خلال در از به با برای پس پیش
            """
        ),
    )
)


def _own(text: str, places: tuple[int, ...], span: Span) -> str:
    """A span of the cleaned text as the sentence has it."""
    start, end = span
    if not 0 <= start < end <= len(places):
        return ""
    # What the cleaned text has no letter for, such as a hamza at a word's end, belongs to it too.
    last = places[end] if end < len(places) else len(text)
    return text[places[start] : last].strip(_EDGES)


def _language(text: str) -> str:
    script = script_of(next((c for c in text if c.isalpha()), ""))
    if script == "arabic":
        return "fa" if is_persian(text) else "ar"
    return "ru" if script == "cyrillic" else "en"
