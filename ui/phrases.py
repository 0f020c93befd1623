"""The few words of an answer that are not the articles' own, in the language of the question."""

from dataclasses import dataclass

from rag.types import AbstentionReason


@dataclass(frozen=True, slots=True)
class Phrases:
    """One language's words. `{n}` and `{model}` are filled in where they occur."""

    language: str
    comma: str
    quotes: tuple[str, str]
    sources: str
    also: str
    undated: str
    changed_stands: str
    changed_gone: str
    unverified: str
    original: str
    searched_for: str
    quoted: str
    written: str
    stopped: str
    working: str
    abstained: str
    reasons: dict[AbstentionReason, str]
    nearest: str
    articles: str
    published: str
    since: str
    until: str
    languages: str
    outlets: str
    filters: str
    none: str
    more: str
    happened: str
    printed: str
    disagree: str
    counted: dict[str, str]
    translation: str


def phrases(language: str) -> Phrases:
    """The words of this language; English where there are none."""
    return _PHRASES.get(language, _PHRASES["en"])


def language_name(code: str) -> str:
    """A language's own name for itself; the code where it is not known here."""
    return _NAMES.get(code, code)


_PHRASES = {
    each.language: each
    for each in (
        Phrases(
            language="en",
            comma=", ",
            quotes=("“", "”"),
            sources="Sources",
            also="also printed by",
            undated="undated",
            changed_stands="This is the text that was cited. A newer one "
            "came in on {when}; the marked words are in it, too.",
            changed_gone="This is the text that was cited. A newer one came "
            "in on {when}, and the marked words are not in it.",
            unverified="not verified",
            original="original",
            searched_for="Searched for",
            quoted="Verbatim quotes from the articles",
            written="Written by {model}, checked against the articles",
            stopped="Stopped before the end.",
            working="Searching the archive",
            abstained="The archive does not answer this",
            reasons={
                "the archive is empty": "It holds no articles yet.",
                "no article passes the filters": "No article passes the filters.",
                "the evidence is too weak": "No sentence in the articles searched answers the question.",
                "the model found no answer in the evidence": (
                    "The language model found no answer in the passages it was shown."
                ),
            },
            nearest="Nearest passages: on the subject, but not an answer",
            articles="Articles searched",
            published="published",
            since="from",
            until="until",
            languages="languages",
            outlets="sources",
            filters="filters",
            none="none",
            more="{n} more",
            happened="Only what can have happened {when}",
            printed="Only what was published {when}",
            disagree="Sources disagree",
            counted={
                "dead": "killed",
                "hurt": "injured",
                "held": "arrested",
                "missing": "missing",
                "saved": "rescued",
                "denial": "denied or not",
                "asserts": "reported",
                "denies": "denied",
            },
            translation="Machine translation",
        ),
        Phrases(
            language="ar",
            comma="، ",
            quotes=("«", "»"),
            sources="المصادر",
            also="ونشرته أيضًا",
            undated="بلا تاريخ",
            changed_stands="هذا هو النص الذي استُشهد به. ورد نص "
            "أحدث في {when}، والكلمات المعلَّمة ما زالت فيه.",
            changed_gone="هذا هو النص الذي استُشهد به. ورد نص أحدث في {when}، ولم تعد الكلمات المعلَّمة فيه.",
            unverified="لم يُتحقَّق منه",
            original="الأصل",
            searched_for="جرى البحث عن",
            quoted="اقتباسات حرفية من المقالات",
            written="كتبه {model} وجرت مطابقته مع المقالات",
            stopped="أُوقف الجواب قبل نهايته.",
            working="يجري البحث في الأرشيف",
            abstained="لا يجيب الأرشيف عن هذا السؤال",
            reasons={
                "the archive is empty": "ليس فيه أي مقال بعد.",
                "no article passes the filters": "لا يوجد مقال يطابق عوامل التصفية.",
                "the evidence is too weak": "ليس في المقالات التي جرى البحث فيها جملة تجيب عن السؤال.",
                "the model found no answer in the evidence": (
                    "لم يجد النموذج اللغوي جوابًا في المقاطع التي عُرضت عليه."
                ),
            },
            nearest="أقرب المقاطع: في الموضوع نفسه، لكنها ليست جوابًا",
            articles="عدد المقالات التي جرى البحث فيها",
            published="تاريخ النشر",
            since="من",
            until="حتى",
            languages="اللغات",
            outlets="المصادر",
            filters="عوامل التصفية",
            none="لا شيء",
            more="{n} غيرها",
            happened="ما يمكن أن يكون قد حدث {when} فقط",
            printed="ما نُشر {when} فقط",
            disagree="المصادر غير متفقة",
            counted={
                "dead": "القتلى",
                "hurt": "الجرحى",
                "held": "الموقوفون",
                "missing": "المفقودون",
                "saved": "الناجون",
                "denial": "بين الخبر ونفيه",
                "asserts": "ورد",
                "denies": "نُفي",
            },
            translation="ترجمة آلية",
        ),
        Phrases(
            language="ru",
            comma=", ",
            quotes=("«", "»"),
            sources="Источники",
            also="также напечатано:",
            undated="без даты",
            changed_stands="Это текст, который был процитирован. {when} поступил "
            "более новый; выделенные слова есть и в нём.",
            changed_gone="Это текст, который был процитирован. {when} поступил "
            "более новый, и выделенных слов в нём нет.",
            unverified="не подтверждено",
            original="оригинал",
            searched_for="Искали",
            quoted="Дословные цитаты из статей",
            written="Написано моделью {model}, сверено со статьями",
            stopped="Остановлено до конца ответа.",
            working="Идёт поиск в архиве",
            abstained="В архиве нет ответа на этот вопрос",
            reasons={
                "the archive is empty": "В нём пока нет статей.",
                "no article passes the filters": "Под фильтры не подходит ни одна статья.",
                "the evidence is too weak": (
                    "Ни одно предложение в просмотренных статьях не отвечает на вопрос."
                ),
                "the model found no answer in the evidence": (
                    "Языковая модель не нашла ответа в показанных ей отрывках."
                ),
            },
            nearest="Ближайшие отрывки: на ту же тему, но не ответ",
            articles="Просмотрено статей",
            published="опубликованы",
            since="с",
            until="по",
            languages="языки",
            outlets="источники",
            filters="фильтры",
            none="нет",
            more="ещё {n}",
            happened="Только то, что могло произойти {when}",
            printed="Только опубликованное {when}",
            disagree="Источники расходятся",
            counted={
                "dead": "погибшие",
                "hurt": "пострадавшие",
                "held": "задержанные",
                "missing": "пропавшие",
                "saved": "спасённые",
                "denial": "сообщение и опровержение",
                "asserts": "сообщается",
                "denies": "отрицается",
            },
            translation="Машинный перевод",
        ),
        Phrases(
            language="fa",
            comma="، ",
            quotes=("«", "»"),
            sources="منابع",
            also="همچنین چاپ‌شده در",
            undated="بی‌تاریخ",
            changed_stands="این همان متنی است که به آن استناد شده است. "
            "در {when} متن تازه‌تری رسید؛ عبارت مشخص‌شده در آن هم هست.",
            changed_gone="این همان متنی است که به آن استناد شده است. در "
            "{when} متن تازه‌تری رسید و عبارت مشخص‌شده دیگر در آن نیست.",
            unverified="تأییدنشده",
            original="متن اصلی",
            searched_for="جست‌وجو شد",
            quoted="نقل‌قول‌های کلمه‌به‌کلمه از مقاله‌ها",
            written="نوشتهٔ {model}، سنجیده با مقاله‌ها",
            stopped="پیش از پایان متوقف شد.",
            working="جست‌وجو در بایگانی",
            abstained="بایگانی به این پرسش پاسخ نمی‌دهد",
            reasons={
                "the archive is empty": "هنوز مقاله‌ای در آن نیست.",
                "no article passes the filters": "هیچ مقاله‌ای با فیلترها جور نیست.",
                "the evidence is too weak": "هیچ جمله‌ای در مقاله‌های جست‌وجوشده پاسخ این پرسش نیست.",
                "the model found no answer in the evidence": (
                    "مدل زبانی در بخش‌هایی که به آن نشان داده شد پاسخی نیافت."
                ),
            },
            nearest="نزدیک‌ترین بخش‌ها: دربارهٔ همین موضوع، اما پاسخ نیستند",
            articles="شمار مقاله‌های جست‌وجوشده",
            published="تاریخ انتشار",
            since="از",
            until="تا",
            languages="زبان‌ها",
            outlets="منابع",
            filters="فیلترها",
            none="هیچ",
            more="{n} مورد دیگر",
            happened="تنها آنچه می‌تواند {when} رخ داده باشد",
            printed="تنها آنچه {when} منتشر شده است",
            disagree="منابع هم‌داستان نیستند",
            counted={
                "dead": "کشته‌شدگان",
                "hurt": "زخمی‌ها",
                "held": "بازداشت‌شدگان",
                "missing": "ناپدیدشدگان",
                "saved": "نجات‌یافتگان",
                "denial": "خبر و تکذیب آن",
                "asserts": "گزارش شده",
                "denies": "تکذیب شده",
            },
            translation="ترجمهٔ ماشینی",
        ),
    )
}

_NAMES = {
    "ar": "العربية",
    "az": "Azərbaycanca",
    "bn": "বাংলা",
    "de": "Deutsch",
    "el": "Ελληνικά",
    "en": "English",
    "es": "Español",
    "fa": "فارسی",
    "fr": "Français",
    "he": "עברית",
    "hi": "हिन्दी",
    "id": "Bahasa Indonesia",
    "it": "Italiano",
    "ja": "日本語",
    "kk": "Қазақша",
    "ko": "한국어",
    "ku": "Kurdî",
    "nl": "Nederlands",
    "pl": "Polski",
    "ps": "پښتو",
    "pt": "Português",
    "ru": "Русский",
    "sw": "Kiswahili",
    "tg": "Тоҷикӣ",
    "tr": "Türkçe",
    "uk": "Українська",
    "ur": "اردو",
    "uz": "Oʻzbekcha",
    "vi": "Tiếng Việt",
    "zh": "中文",
}
