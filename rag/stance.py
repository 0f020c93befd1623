"""Who did what to whom in a sentence, and whether it is denied."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise

from index.fold import clean, fold, listed, lower, script_of
from rag.names import Name, find_names, same_name

# What people do with words, and what states do to each other: stems of four languages a row.
# A stem stands for the words that begin with it.
ACTS = {
    "deny": "deny denied denies denying denial refut disavow|نفى نفت ينفي تنفي نفي نافي أنكر تنكر ينكر "
    "دحض فند كذب تكذيب|"
    "опроверг отрица|تکذیب انکار نفی",
    "confirm": "confirm acknowledg admit admission verif|أكد يؤكد تؤكد تأكيد مؤكد أقر يقر تقر اعترف|"
    "подтверд признал призна|"
    "تأیید تایید اذعان پذیرفت",
    "warn": "warn|حذر يحذر تحذر تحذير محذر|предупре предостер|هشدار",
    "threaten": "threat|هدد يهدد تهدد تهديد مهدد توعد|угро пригроз|تهدید",
    "accuse": "accus blam alleg|اتهم يتهم تتهم اتهام متهم|обвин|متهم اتهام",
    "urge": "urge call_on called_on appeal demand ask request|"
    "دعا دعت يدعو تدعو دعوة طالب تطالب يطالب طلب يطلب تطلب حث ناشد|"
    "призва призыв потребова требу попросил просьб запрос|خواستار خواست درخواست فراخواند",
    "refuse": "reject refus rule_out ruled_out rebuff|رفض يرفض ترفض استبعد|отверг отказ исключил|رد_کرد "
    "رد_کردند امتناع نپذیرفت",
    "condemn": "condemn denounc|أدان دان ندد تندد يدين تدين إدانة استنكر|осуд|محکوم",
    "promise": "promis vow pledg|تعهد وعد يتعهد|обеща поклял|وعده تعهد قول_داد",
    "attack": "attack struck strike shell bomb raid|هاجم قصف هجوم غارة شن|атак обстрел ударил нанес|"
    "حمله بمباران",
    "send": "sent send sends sending deliver|أرسل أرسلت يرسل بعث إرسال|отправ посла направил|فرستاد ارسال",
    "say": "said say says told tell state announc report declar|قال قالت يقول تقول صرح أعلن ذكر أوضح "
    "أفاد أضاف أعلنت|"
    "сказа заяв сообщ объяв|گفت اعلام اظهار خبر_داد",
}
# What may be reported as what: a denial only as a denial, a confirmation also as a saying.
_BACKED_BY = {
    "say": set(ACTS) - {"deny"},
    "confirm": {"confirm", "say"},
    "urge": {"urge", "warn"},
    "refuse": {"refuse", "deny"},
    "deny": {"deny", "refuse"},
}
# Acts that a sentence cannot be cited for unless it tells of them.
TELLING_ACTS = ("deny", "confirm", "warn", "threaten", "accuse", "condemn", "refuse", "promise", "urge")

_NEGATION = {
    "en": r"not|no|never|none|nobody|nothing|neither|nor|without|cannot|\w+n't|fail\w*|lack\w*|absen\w+",
    "ru": r"не|нет|ни|никто|ничего|никогда|никак\w*|без|отсутств\w+|нельзя",
    "ar": r"(?:و|ف)?(?:لم|لن|لا|ليس|ليست|ليسوا|لست|دون|بدون|عدم|بلا|غير|فشل|فشلت|أخفق\w*|ما لم)",
    "fa": r"نه|نیست\w*|نبود\w*|ندار\w*|نداشت\w*|نشد\w*|نکرد\w*|نمی\w+|نخواه\w+|نداد\w*|نگرفت\w*|نگفت\w*|"
    r"نرسید\w*|نرفت\w*|"
    r"نیامد\w*|نباید|نتوانست\w*|نیافت\w*|نپذیرفت\w*|نکن\w*|نشو\w*|بدون|عدم|هیچ\w*|ناکام\w*|هرگز",
}
# Negations in form only.
_NO_NEGATION = re.compile(
    fold(
        r"not only|no (?:less|fewer|more) than|no later than|no doubt|не только|не (?:менее|более|"
        r"позднее)|без вести|ни один из|"
        r"ليس فقط|ما لا يقل|لا يقل عن|لا يزيد|لا سيما|لا يزال|لا تزال|غير أن|نه تنها|не исключ\w+"
    )
)
NEGATIVE_ACTS = frozenset({"deny", "refuse"})
_CLAUSE = re.compile(
    fold(
        r"[,;،؛:.!?؟]| - |\b(?:but|while|although|and|because|after|before)\b|(?<!\w)(?:но|а|хотя|и|"
        r"поскольку)(?!\w)|"
        r"(?<!\w)(?:لكن|ولكن|بينما|فيما|لأن|اما|ولی|زیرا|و)(?!\w)"
    )
)


@dataclass(frozen=True, slots=True)
class Act:
    """One act: its kind, where it stands, who does it and to whom, as far as that is plain."""

    kind: str
    start: int
    agents: tuple[Name, ...]
    patients: tuple[Name, ...]


def find_acts(text: str, also: Sequence[str] = ()) -> list[Act]:
    """The acts of a text, with agents and patients where names stand beside them.

    `also` are names known from elsewhere: in Arabic script nothing else may give them away.
    """
    text = clean(text)
    names = find_names(text)
    for match in re.finditer(r"[^\W\d_]{3,}", text) if also else ():
        free = not any(n.start < match.end() and match.start() < n.end for n in names)
        if free and any(same_name(match[0], word) for word in also):
            names.append(Name(match[0], frozenset(), *match.span()))
    names.sort(key=lambda n: n.start)
    acts = []
    for kind, match in _matches(text):
        agents, patients = _roles(text, names, match, kind)
        acts.append(Act(kind, match.start(), tuple(agents), tuple(patients)))
    return acts


@lru_cache(maxsize=4096)
def kinds_of_acts(text: str) -> frozenset[str]:
    """The kinds of the acts a text tells of; without who did them it costs a tenth of `find_acts`."""
    return frozenset(kind for kind, _ in _matches(clean(text)))


def check_stance(statement: str, sentences: Sequence[str]) -> str:
    """Empty when the statement tells of the same acts, denied or not, else what is wrong."""
    told = kinds_of_acts(statement)
    cited = {kind for s in sentences for kind in kinds_of_acts(s)}
    for kind in TELLING_ACTS:
        if kind in told and not cited & (_BACKED_BY.get(kind, set()) | {kind}):
            # "Denied having plans" may be said as "said there were none", and the other way round.
            if kind in NEGATIVE_ACTS and any(_negations(s) for s in sentences):
                continue
            return f"the cited sentences tell of no act of the kind {kind!r}"
    negative = bool(told & NEGATIVE_ACTS) or bool(_negations(statement))
    if "deny" in cited and not negative:
        return "the cited sentences tell of a denial"
    if cited & NEGATIVE_ACTS and not negative:
        return "the cited sentences tell of a refusal"
    if negative and not cited & NEGATIVE_ACTS and not any(_negations(s) for s in sentences):
        return "the cited sentences do not deny it"
    if not negative:
        for sentence in sentences:
            if _negations(sentence) and not _beside_the_point(sentence, statement):
                return "the cited sentences deny it"
    # A double negation affirms: "has not ruled out", "did not deny".
    for kind in told & cited & set(TELLING_ACTS):
        if all(is_negated(s, kind) != is_negated(statement, kind) for s in sentences if _has(s, kind)):
            return "the cited sentences say the opposite"
    return ""


def _has(text: str, kind: str) -> bool:
    return kind in kinds_of_acts(text)


def check_direction(statement: str, sentences: Sequence[str]) -> str:
    """Empty unless the statement turns round who did it to whom."""
    told = _name_words([statement])
    known = [act for s in sentences for act in find_acts(s, told)]
    for act in find_acts(statement, _name_words(sentences)):
        same = [other for other in known if other.kind == act.kind]
        for agent in act.agents:
            for patient in act.patients:
                straight = any(_among(agent, o.agents) and _among(patient, o.patients) for o in same)
                turned = any(_among(agent, o.patients) and _among(patient, o.agents) for o in same)
                if turned and not straight:
                    return (
                        f"the cited sentences have {agent.text!r} and {patient.text!r} the other way round"
                    )
    return ""


def check_speaker(statement: str, sentences: Sequence[str]) -> str:
    """Empty unless the statement puts somebody's words in another's mouth.

    For Arabic script, where a speaker's name has no capital: who stands beside the verb and is
    neither an office nor a name from the sentences is somebody else.
    """
    language = language_of(statement)
    if language not in _SPEAKER:
        return ""
    speakers = {
        name.text for s in sentences for act in find_acts(s) if act.kind == "say" for name in act.agents
    }
    match = _SPEAKER[language].search(fold(statement))
    if not match or not speakers:
        return ""
    subject = [word for word in match[1].split() if len(word) > 2]
    if not subject or any(_OFFICE.match(word) for word in subject) or find_names(clean(match[1])):
        return ""
    words = _name_words(sentences)
    if any(same_name(a, b) for a in subject for b in words):
        return ""
    return f"in the cited sentences the speaker is {sorted(speakers)[0]!r}"


def _name_words(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(
        word
        for text in texts
        for name in find_names(clean(text))
        for word in name.text.split()
        if len(word) > 2
    )


def _among(name: Name, others: Sequence[Name]) -> bool:
    return any(
        bool(name.keys & other.keys)
        or any(same_name(a, b) for a in name.text.split() for b in other.text.split() if len(a) > 2)
        for other in others
    )


def _matches(text: str) -> Iterator[tuple[str, re.Match[str]]]:
    folded = lower(text)
    for kind, pattern in _patterns(language_of(text)).items():
        for match in pattern.finditer(folded):
            yield kind, match


@cache
def _patterns(language: str) -> dict[str, re.Pattern[str]]:
    column = ("en", "ar", "ru", "fa").index(language)
    prefix = "(?:و|ف|ب|ل|ال|وال|بال|وب|ول)?" if language == "ar" else ""
    patterns = {}
    for kind, row in ACTS.items():
        stems = [fold(stem).replace("_", r"\s+") for stem in row.split("|")[column].split()]
        joined = "|".join(sorted(stems, key=len, reverse=True))
        patterns[kind] = re.compile(rf"(?<!\w){prefix}(?:{joined})\w*")
    return patterns


@cache
def _negation_pattern(language: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{fold(_NEGATION[language])})(?!\w)")


def language_of(text: str) -> str:
    """Which of the four languages' rules a text is read by, from its letters."""
    letters = [c for c in text if c.isalpha()]
    arabic = sum("\u0600" <= c <= "\u08ff" for c in letters)
    cyrillic = sum("\u0400" <= c <= "\u052f" for c in letters)
    counts = {"latin": len(letters) - arabic - cyrillic, "arabic": arabic, "cyrillic": cyrillic}
    script = max(counts, key=lambda name: counts[name])
    return {"latin": "en", "cyrillic": "ru", "arabic": "fa" if is_persian(text) else "ar"}[script]


def _negations(text: str) -> list[re.Match[str]]:
    folded = _NO_NEGATION.sub(lambda m: "_" * len(m[0]), fold(text))
    return list(_negation_pattern(language_of(text)).finditer(folded))


def is_negated(text: str, kind: str) -> bool:
    """Whether an act of this kind is itself negated: "did not confirm"."""
    folded = fold(text)
    for match in _patterns(language_of(text))[kind].finditer(folded):
        before = " ".join(folded[: match.start()].split()[-3:]) + " "
        if language_of(text) == "fa":
            # The verb comes last: "confirmation did-not-do".
            before += " ".join(re.findall(r"\w+", folded[match.end() :])[:2]) + " "
        if _negation_pattern(language_of(text)).search(before) or folded[match.start() :].startswith("не"):
            return True
    return False


def _beside_the_point(sentence: str, statement: str) -> bool:
    """Whether the negation is in a part of the sentence that the statement does not report.

    Believed only when that is plain: the part has names, figures or acts of its own, none of which
    are in the statement, while other parts share some with it.
    """
    folded = lower(clean(sentence))
    cuts = [0, *(m.start() for m in _CLAUSE.finditer(folded)), len(folded)]
    clauses = [clean(sentence)[a:b] for a, b in pairwise(cuts) if folded[a:b].strip()]
    if len(clauses) < 2:
        return False
    wanted = _anchors(statement)
    denied = [c for c in clauses if _negations(c)]
    plain = [c for c in clauses if not _negations(c)]
    return all(not _shared(_anchors(c), wanted) for c in denied) and any(
        _shared(_anchors(c), wanted) for c in plain
    )


def _anchors(text: str) -> list[str]:
    text = clean(text)
    names = ["/".join(sorted(name.keys)) or name.text for name in find_names(text)]
    return [
        *names,
        *re.findall(r"\d+", text),
        *(f"act:{kind}" for kind, _ in _matches(text) if kind != "say"),
    ]


def _shared(some: Sequence[str], others: Sequence[str]) -> bool:
    return any(
        a == b or (not a.startswith("act:") and any(same_name(x, y) for x in a.split() for y in b.split()))
        for a in some
        for b in others
    )


_SPEAKER = {
    "fa": re.compile(fold(r"^((?:\w+ ){1,3})(?:گفت|افزود|اظهار داشت|اعلام کرد)(?!\w)")),
    "ar": re.compile(
        fold(
            r"^(?:و|ف)?(?:قال|قالت|صرح|صرحت|أعلن|أعلنت|أوضح|أوضحت|أضاف|أضافت) ((?:\w+ ){1,3}?)(?:إن|أن|"
            r"إنه|إنها|أنه|أنها)(?!\w)"
        )
    ),
}
# Who speaks by office; a pronoun or a newspaper word is no name either.
_OFFICE = re.compile(
    fold(
        r"(?:ال)?(?:مسؤول|متحدث|ناطق|وزير|وزار|رئيس|حكوم|جيش|شرط|سلط|قائد|مصدر|مصادر|شهود|شاهد|خبراء|"
        r"خبير|لجن|بيان|سفير|"
        r"محكم|بنك|شرك|منظم|سكان|طبيب|أطباء|دفاع|جماع|حرك|مدير|نائب|هيئ|مكتب|تقرير|صحيف|قنا|وكال|محقق|مدع|"
        r"سخنگو|وزیر|وزارت|رئیس|مقام|دولت|ارتش|پلیس|فرمانده|منابع|منبع|کارشناس|کمیته|بیانیه|سفیر|دادگاه|"
        r"بانک|"
        r"شرکت|سازمان|نخست|نماینده|معاون|گروه|او$|وی$|آنها|آن$|این|دادستان|روزنامه|خبرگزاری|گزارش|"
        r"استاندار|شهردار)"
    )
)


def _roles(
    text: str, names: Sequence[Name], match: re.Match[str], kind: str
) -> tuple[list[Name], list[Name]]:
    """Agents and patients of one act, from the order of names around it and what marks them."""
    folded = lower(text)
    start = max((m.end() for m in re.finditer(r"[;.!?؟]\s", folded[: match.start()])), default=0)
    stop = re.search(r"[;.!?؟](?:\s|$)", folded[match.end() :])
    end = match.end() + stop.start() if stop else len(folded)
    before = [n for n in names if start <= n.start and n.end <= match.start()]
    after = [n for n in names if match.end() <= n.start and n.end <= end]
    script = script_of(match[0])
    if script == "arabic":
        return (
            _persian_roles(folded, before, after, match)
            if is_persian(text)
            else _arabic_roles(folded, before, after)
        )
    if script == "cyrillic":
        return _russian_roles(folded, before, after, match, kind)
    return _english_roles(folded, before, after, match, kind)


def _english_roles(
    text: str, before: list[Name], after: list[Name], match: re.Match[str], kind: str
) -> tuple[list[Name], list[Name]]:
    by = [n for n in after if text[: n.start].endswith("by ")]
    origin = [n for n in after if text[: n.start].endswith("from ")]
    goal = [n for n in after if text[: n.start].endswith("to ")]
    if re.search(r"\b(?:was|were|been|being|is|are|be|get|got)\s+(?:\w+ly\s+)?$", text[: match.start()]):
        return by[:1], before[-1:]
    if re.search(
        # A warning that was received came from somebody else. ("Had warned" is a tense.)
        r"\b(?:receiv\w+|got|had|heard|heed\w*|ignor\w+)\s+(?:an?|the|no|any|several)\s+(?:\w+\s+){0,2}$",
        text[: match.start()],
    ):
        return origin[:1], before[:1]
    if origin and not before:
        return origin[:1], goal[:1]
    own = [n for n in before if n.text.endswith("'s") and text[n.end : match.start()].strip() == ""]
    if own:
        return own, goal[:1]
    if origin and goal and kind != "urge":
        return origin[:1], goal[:1]
    # Who is named after a preposition belongs to somebody else: "the ambassador to Cairo".
    subjects = [
        n
        for n in before
        if not re.search(r"\b(?:to|of|in|from|by|at|against|near)\s+(?:the\s+)?$", text[: n.start])
    ]
    direct = [
        n
        for n in after
        if not re.search(
            r"\b(?:of|in|from|by|at|against|near|over|through|about|that)\b", text[match.end() : n.start]
        )
    ]
    return (subjects or before)[-1:], direct[:1] or goal[:1]


def _russian_roles(
    text: str, before: list[Name], after: list[Name], match: re.Match[str], kind: str
) -> tuple[list[Name], list[Name]]:
    origin = [n for n in after if re.search(r"(?<!\w)(?:от|из|со стороны)\s+$", text[: n.start])]
    if re.search(r"(?<!\w)получил\w*\s+(?:\w+\s+)?$", text[: match.start()]) and origin:
        return origin[:1], before[:1]
    if re.search(r"(?<!\w)был[аио]?\s+$", text[: match.start()]):
        return [n for n in after if n.text[-2:] in ("ом", "ем", "ей", "ой", "ми")][:1], before[-1:]
    if origin and kind == "urge":
        # "Потребовала от Швеции": who is asked stands after the same word as where from.
        return before[-1:], origin[:1]
    direct = [
        n
        for n in after
        if not re.search(r"(?<!\w)(?:в|во|на|о|об|из|от|по|с)\s", text[match.end() : n.start])
    ]
    if before and direct and before[-1].text[-1:] in ("у", "ю") and direct[0].text[-1:] not in ("у", "ю"):
        # "Москву предупредил Вашингтон": the accusative comes first.
        return direct[:1], before[-1:]
    return before[-1:], direct[:1]


def _arabic_roles(text: str, before: list[Name], after: list[Name]) -> tuple[list[Name], list[Name]]:
    if before:
        return before[-1:], after[:1]
    return after[:1], after[1:2]


def _persian_roles(
    text: str, before: list[Name], after: list[Name], match: re.Match[str]
) -> tuple[list[Name], list[Name]]:
    everyone = [*before, *after] if before else after
    marked = [
        n
        for n in everyone
        if re.search(r"(?<!\w)(?:به|از)\s+$", text[: n.start])
        or re.match(r"\s+(?:را|علیه)(?!\w)", text[n.end :])
    ]
    plain = [n for n in everyone if n not in marked]
    if re.search(r"(?<!\w)دریافت", text[match.end() :]):
        return marked[:1], plain[:1]
    return plain[:1], marked[:1]


_PERSIAN_WORDS = {
    fold(w)
    for w in listed(
        """
    که را است در از این برای شد کرد گفت با می خود شده بود آن های کرده کردند شدند داد
    """
    )
}
_ARABIC_WORDS = {
    fold(w)
    for w in listed(
        """
    من في على إلى عن أن إن التي الذي بعد قال كان قد هذا هذه لم مع
    """
    )
}


def is_persian(text: str) -> bool:
    """Which of the two languages that share the Arabic script a text is in."""
    if re.search("[گچپژ]", text):
        return True
    words = set(re.findall(r"\w+", fold(text)))
    return len(words & _PERSIAN_WORDS) > len(words & _ARABIC_WORDS)
