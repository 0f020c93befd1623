"""What CLDR knows, through Babel: names of languages, places, months and weekdays."""

from collections.abc import Iterator
from functools import cache

from index.fold import fold

# Both kinds of Arabic month names (Egyptian and Levantine), and those of the Maghreb.
LOCALES = ("en", "en_GB", "ar", "ar_LB", "ar_TN", "ar_MA", "ru", "fa")


def language_name(code: str) -> str:
    """English name of a language, the code itself when unknown, empty for no code."""
    from babel import Locale, UnknownLocaleError

    try:
        return Locale.parse(code).get_language_name("en") or code if code else ""
    except (UnknownLocaleError, ValueError):
        return code


@cache
def months() -> dict[str, int]:
    """Folded month name to 1-12, in all spellings and cases."""
    names: dict[str, int] = {}
    for code, month, name, width in _calendar("months"):
        names.setdefault(name, month)
        if code == "ru" and width == "wide":
            # Prepositional and instrumental, from the nominative or genitive.
            stem = name.rstrip("аяьи")
            for ending in ("е", "ем", "ом", "ю", "у"):
                names.setdefault(stem + ending, month)
    return names


@cache
def weekdays() -> dict[str, int]:
    """Folded name of a weekday to 0-6, Monday first."""
    names: dict[str, int] = {}
    for code, day, name, _ in _calendar("days"):
        names.setdefault(name, day)
        if code == "ru":
            # "In the week": the accusative, which differs for the feminine days.
            names.setdefault(name[:-1] + "у" if name.endswith("а") else name, day)
        if name.endswith(fold("شنبه")):
            names.setdefault(name.removesuffix(fold("شنبه")) + " " + fold("شنبه"), day)
    # A bare "environment"; as a weekday it comes in the accusative.
    names.pop("среда", None)
    return {name.strip(): day for name, day in names.items()}


@cache
def places() -> tuple[tuple[str, str], ...]:
    """Folded names of countries, unions and large cities, each with a key that languages share."""
    from babel import Locale
    from babel.core import get_global

    found = []
    for code in ("en", "ar", "ru", "fa"):
        locale = Locale.parse(code)
        for territory, name in locale.territories.items():
            # Numbers stand for continents and regions: words such as "world" or "Asia".
            if territory.isalpha():
                found.append((fold(str(name)), territory))
        for zone, names in locale.time_zones.items():
            if "city" in names:
                found.append((fold(str(names["city"])), _city(zone)))
    return (*found, *((_city(zone), _city(zone)) for zone in get_global("zone_territories")))


def _city(zone: str) -> str:
    return fold(zone.rpartition("/")[2].replace("_", " "))


def _calendar(which: str) -> Iterator[tuple[str, int, str, str]]:
    from babel import Locale

    for code in LOCALES:
        table = getattr(Locale.parse(code), which)
        # The short names of Russian weekdays are words: "сб" may be, but "вс" and "ср" are other things.
        short = code.startswith("en") or (code == "ru" and which == "months")
        widths = ("wide", "abbreviated") if short else ("wide",)
        for context in ("format", "stand-alone"):
            for width in widths:
                for key, name in table[context][width].items():
                    yield code, key, fold(str(name)).rstrip("."), width
