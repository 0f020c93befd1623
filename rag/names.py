"""Names of people, places and bodies in a text, recognised across scripts."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from anyascii import anyascii
from rapidfuzz.distance import Indel

from index import cldr
from index.fold import clean, fold, listed, lower, script_of, stems
from rag import places

# Words with a capital that say what somebody is, not who: they are translated, never spelled.
_COMMON = frozenset(
    listed(
        """
    a an the this that these those he she it they we i his her its their our my you your there here who
    what when where why how in on at by of for from to with without after before during since until
    while as if but and or nor so yet not no one two three four five six seven eight nine ten eleven
    twelve twenty thirty forty fifty sixty seventy eighty ninety hundred all any some many most both
    each every another other several few more less mr mrs ms dr sir lord lady sheikh ayatollah pope king
    queen prince princess emir sultan president presidents minister ministers prime foreign interior
    defence defense health finance vice deputy chief head chancellor governor mayor senator general
    colonel major captain admiral ambassador spokesman spokeswoman spokesperson secretary director
    chairman chairwoman leader premier judge justice professor commander commissioner prosecutor
    ministry government parliament court supreme council committee commission congress senate assembly
    cabinet embassy consulate army navy police guard guards force forces air military intelligence
    agency service office department bank central national international federal state republic islamic
    democratic people party union university institute company corporation group organization
    organisation association foundation centre center hospital school airport station bridge street
    square city town province region district county mountain river lake sea gulf ocean island islands
    north south east west northern southern eastern western middle east new old great hall house palace
    tower world war day news agency tv television radio channel newspaper times post officials official
    authorities residents witnesses investigators rescuers soldiers troops protesters farmers workers
    doctors scientists researchers experts analysts archaeologists voters lawmakers diplomats
    journalists reporters turnout casualties talks negotiations floods fire prices exports
    """
    )
)
_COMMON_RU = re.compile(
    r"^(?:(?:президент|министр|премьер|глав|губернатор|посол|посольств|министерств|правительств|"
    r"парламент|спасател|"
    r"совет|комисси|полици|журналист|компани|банк|завод|поезд|пожар|закон|саммит|переговор|испытани|"
    r"погранич|"
    r"пострадавш|прививк|бывш|перв|сообщ|госдум|сенат|федер|республик|област|город|район|центр|агентств|"
    r"служб|"
    r"университет|институт|парти|союз|официальн|представител|власт|военн|жител|эксперт|следовател)\w*"
    r"|суд\w{0,3}|арми[яиюей]|мэр\w{0,2}|мид|архив\w*|дум\w|при|на|в|во|о|об|по|за|из|с|со|у|к|ко|от|до|"
    r"для|не|ни|но|и|а|"
    r"или|это|эт\w{1,3}|он|она|они|его|ее|их|как|что|все|весь|после|перед|без|двое|трое|кто|где|там|так|"
    r"тогда|уже|еще)$"
)
# Words that stand before a person's or place's name in Arabic and Persian, which have no capitals.
_CUE = re.compile(
    fold(
        r"(?<!\w)(?:و|ب|ل|ک)?(?:الرئيس|المستشار|الوزير|رئيس الوزراء|وزير الخارجية|وزير الدفاع|"
        r"المتحدث باسم|مدينة|بلدة|محافظة|قرية|ولاية|العاصمة|السيد|الجنرال|القائد|السفير|الشيخ|قناة|"
        r"رئیس‌جمهور|نخست‌وزیر|استان|روستای|پایتخت|آقای|خانم|سردار|ژنرال|وزیر خارجه|وزیر دفاع)(?!\w)"
    )
)
_AR_STOP = frozenset(
    fold(w)
    for w in listed(
        """
    من في على إلى عن أن إن لم لن لا ما مع بعد قبل بين كان كانت قد هذا هذه ذلك التي الذي أي كل عند حتى
    قال قالت أعلن أعلنت أكد أكدت نفى نفت حذر حذرت اتهم اتهمت دعا دعت هدد هددت أمس اليوم أو ثم از به با
    در که را این آن و تا بر برای یک شد کرد است بود گفت خود هم می نمی شده کرده باید پیش پس
    """
    )
)
_JOINED = re.compile(fold(r"^(محمد|علی|عبد|امیر|غلام|سید)(\w{3,})$"))
_BODY = re.compile(
    r"\b(?:ministry|committee|council|agency|court|bank|university|organi[sz]ation|party|service|union|commission|"
    r"department|institute|association|federation|front|movement|force|forces|office|authority|board|fund)\b"
)
_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*(?:\.[^\W\d_]\b\.?)*")
_SENTENCE_START = re.compile(r"(?:^|[.!?:]\s+)[\"«“'(]*$")


@dataclass(frozen=True, slots=True)
class Name:
    """One name; `keys` are shared by all languages when it is a known place or body."""

    text: str
    keys: frozenset[str]
    start: int
    end: int


def find_names(text: str) -> list[Name]:
    """Names in a text that `words.clean` has brought to one form, in order.

    Known places and bodies in any script; elsewhere words with a capital (Latin, Cyrillic), or what
    follows a title (Arabic script, which has no capitals and so hides some names).
    """
    found = list(_known(text))
    taken = [(n.start, n.end) for n in found]
    for name in (*_capitalised(text), *_after_title(text)):
        if not any(name.start < end and start < name.end for start, end in taken):
            found.append(name)
            taken.append((name.start, name.end))
    return sorted(found, key=lambda n: n.start)


def check_names(statement: str, sentences: Sequence[str], known: Sequence[str] = ()) -> str:
    """Empty when each name of the statement is in the sentences, else what is wrong."""
    texts = [clean(s) for s in (*sentences, *known)]
    keys = {key for text in texts for name in _known(text) for key in name.keys}
    # "Moscow warned" may be told as "Russia warned", but not the other way round.
    keys |= {country for key in keys if (country := places.country_of_capital(key))}
    words = [word for text in texts for word in candidate_words(text)]
    # In the same script a word may also be there without its capital ("украинский").
    spelled = {form for text in texts for word in _WORD.findall(lower(text)) for form in _forms(word)}
    scripts = {script_of(word) for word in spelled}
    for name in find_names(clean(statement)):
        if name.keys & keys:
            continue
        parts = _WORD.findall(name.text)
        if script_of(name.text) not in scripts and len(parts) > 1 and _BODY.search(lower(name.text)):
            # "Ministry of Emergency Situations": translated, not spelled.
            continue
        parts = [part for part in parts if not _is_common(part)]
        if not parts and not name.keys:
            continue
        if not parts or not all(
            _forms(lower(part)) & spelled or any(same_name(part, word) for word in words) for part in parts
        ):
            return f"the cited sentences do not name {name.text!r}"
    return ""


def candidate_words(cleaned: str) -> list[str]:
    """The words of a text that can be names: with a capital, where the script has capitals."""
    found: list[str] = []
    for word in _WORD.findall(cleaned):
        arabic = script_of(word) == "arabic"
        if len(word) > 2 and (word[0].isupper() or (arabic and fold(word) not in _AR_STOP)):
            found.append(word)
            # Given names written as one: محمدجواد, عبدالله.
            if arabic and (joined := _JOINED.match(fold(word))):
                found += joined.groups()
    return found


def _forms(word: str) -> frozenset[str]:
    return stems(word, script_of(word))


@lru_cache(maxsize=65536)
def same_name(one: str, other: str) -> bool:
    """Whether two words can be spellings of one name, in the same script or across scripts."""
    a, b = fold(one), fold(other)
    if a == b:
        return True
    if len(a) < 2 or len(b) < 2:
        return False
    script_a, script_b = script_of(a), script_of(b)
    if script_a == script_b:
        return bool(stems(a, script_a) & stems(b, script_b)) or (
            # Spellings of foreign names waver within a script too (Scholz, Sholts).
            script_a != "latin" and min(len(a), len(b)) >= 5 and Indel.normalized_similarity(a, b) >= 0.85
        )
    return any(_sound_alike(x, y) for x in stems(a, script_a) for y in stems(b, script_b))


def _sound_alike(a: str, b: str) -> bool:
    for x in _skeletons(a):
        for y in _skeletons(b):
            if x == y and (len(x) >= 3 or (len(x) == 2 and abs(len(a) - len(b)) <= 3)):
                return True
            if min(len(x), len(y)) >= 4 and Indel.normalized_similarity(x, y) >= 0.85:
                return True
    return False


# One sign for all the consonants that a sound becomes on its way through three scripts.
_SOUNDS = tuple(
    (letters, sound)
    for sound, row in (
        ("S", "shch tsch sch tch tsh tj dzh dj ch sh zh"),
        ("H", "kh"),
        ("K", "gh"),
        ("f", "ph"),
        ("t", "th"),
        ("d", "dh"),
        ("S", "ts tz"),
        ("n", "ng"),
        ("Ks", "x"),
        ("K", "ck q k g c"),
        ("J", "j"),
        ("f", "v"),
        ("b", "p"),
        ("s", "z"),
    )
    for letters in row.split()
)


@lru_cache(maxsize=65536)
def _skeletons(word: str) -> frozenset[str]:
    """The consonants of a word in a rough common alphabet; several where scripts disagree."""
    latin = re.sub(r"[^a-z]", "", anyascii(word).lower())
    for letters, sound in _SOUNDS:
        latin = latin.replace(letters, sound)
    found = set()
    for h in ("", "K"):  # the sound of "Khamenei", in Russian also that of "Hamas"
        for j in ("", "S", "K"):  # German, English and Egyptian
            for f in ("f", ""):  # v, w and the Arabic letter for both and for o, u
                plain = latin.replace("H", h).replace("J", j)
                plain = plain if f else re.sub("f", "", plain)
                plain = re.sub(r"[aeiouywh']", "", plain)
                found.add(re.sub(r"(.)\1+", r"\1", plain))
    return frozenset(found - {""})


def _known(text: str) -> Iterator[Name]:
    """Places and bodies that all languages name, longest first."""
    folded = lower(text)
    taken: list[tuple[int, int]] = []
    for key, start, end in places.phrases(folded):
        taken.append((start, end))
        yield Name(text[start:end], frozenset({key}), start, end)
    words = list(_WORD.finditer(folded))
    for size in (3, 2, 1):
        for i in range(len(words) - size + 1):
            start, end = words[i].start(), words[i + size - 1].end()
            if any(start < e and s < end for s, e in taken):
                continue
            phrase = folded[start:end]
            if not text[start].isupper() and script_of(phrase) != "arabic":
                # Where there are capitals a name has one; only who comes from a place has none in Russian.
                keys = (
                    places.people(phrase) if size == 1 and script_of(phrase) == "cyrillic" else frozenset()
                )
            else:
                keys = frozenset() if size == 1 and _is_common(phrase) else places.keys(phrase)
            if keys:
                taken.append((start, end))
                yield Name(text[start:end], keys, start, end)


def _capitalised(text: str) -> Iterator[Name]:
    words = list(_WORD.finditer(text))
    i = 0
    while i < len(words):
        if not _is_proper(text, words, i):
            i += 1
            continue
        last = i
        while (
            last + 1 < len(words)
            and words[last + 1][0][0].isupper()
            and text[words[last].end() : words[last + 1].start()] == " "
        ):
            last += 1
        phrase = text[words[i].start() : words[last].end()]
        if any(not _is_common(w[0]) for w in words[i : last + 1]):
            yield Name(phrase, frozenset(), words[i].start(), words[last].end())
        i = last + 1


def _is_proper(text: str, words: Sequence[re.Match[str]], i: int) -> bool:
    word = words[i][0]
    if not word[0].isupper() or _is_common(word) or len(word) < 2:
        return False
    if not _SENTENCE_START.search(text[: words[i].start()]):
        return True
    # The first word has a capital anyway: it is a name when another one follows, when it owns
    # something, or when it is all capitals.
    following = words[i + 1] if i + 1 < len(words) else None
    return (
        word.endswith("'s")
        or (len(word) > 1 and word.isupper())
        or (following is not None and following[0][0].isupper() and not _is_common(following[0]))
    )


@lru_cache(maxsize=8192)
def _is_common(word: str) -> bool:
    folded = fold(word).removesuffix("'s")
    if folded in _COMMON or folded in cldr.months() or folded in cldr.weekdays():
        return True
    return script_of(folded) == "cyrillic" and bool(_COMMON_RU.match(folded))


def _after_title(text: str) -> Iterator[Name]:
    """In Arabic script: the word or two after a title or a kind of place."""
    folded = text.casefold()
    for cue in _CUE.finditer(folded):
        word = re.match(r"\s+([^\W\d_]{3,})", folded[cue.end() :])
        # A common noun after a title has the article, or is one of the words that join sentences.
        if word and word[1] not in _AR_STOP and not word[1].startswith("ال"):
            start = cue.end() + word.start(1)
            yield Name(text[start : start + len(word[1])], frozenset(), start, start + len(word[1]))
