"""index/language.py: short questions and long texts, with and without knowing the archive's languages."""

import time
from collections.abc import Collection

import pytest

from index.language import detect_language, is_right_to_left

ARCHIVE = ("ar", "en", "fa", "ru")
# Eighteen questions and search words in each language of the archive, three in each of others.
QUESTIONS = {
    "ar": [
        "من حذّر روسيا؟",
        "كم عدد القتلى؟",
        "متى وقع الهجوم؟",
        "أين قاعة الحفلات؟",
        "ماذا قال المتحدث باسم الكرملين؟",
        "هل نفت إيران ذلك؟",
        "لماذا تأخرت الشرطة؟",
        "من المسؤول؟",
        "ما سبب الحريق؟",
        "كم طفلا بين الضحايا؟",
        "ماذا حدث في موسكو؟",
        "هل اعتقل أحد؟",
        "من أعلن المسؤولية عن الهجوم؟",
        "متى تبدأ المحاكمة؟",
        "ما هو رد الحكومة؟",
        "أسعار النفط اليوم",
        "انتخابات تونس",
        "الطقس غدا",
    ],
    "de": [
        "Wer hat Russland gewarnt?",
        "Wie viele Tote gab es?",
        "Wann beginnt der Prozess?",
    ],
    "en": [
        "Who warned Russia?",
        "How many died?",
        "When did it happen?",
        "Where is the hall?",
        "What did Peskov say?",
        "Did Iran deny it?",
        "Crocus City Hall",
        "Why were the police late?",
        "oil prices today",
        "election results",
        "Who is to blame?",
        "What caused the fire?",
        "Was anyone arrested?",
        "Kerman bombing",
        "When does the trial begin?",
        "Moscow attack",
        "Is it over?",
        "And the children?",
    ],
    "es": [
        "¿Quién avisó a Rusia?",
        "¿Cuántos muertos hubo?",
        "¿Cuándo empieza el juicio?",
    ],
    "fa": [
        "چه کسی هشدار داد؟",
        "چند نفر کشته شدند؟",
        "حمله کی رخ داد؟",
        "سالن کنسرت کجاست؟",
        "سخنگوی کرملین چه گفت؟",
        "آیا ایران تکذیب کرد؟",
        "چرا پلیس دیر رسید؟",
        "مسئول کیست؟",
        "علت آتش‌سوزی چه بود؟",
        "در مسکو چه شد؟",
        "قیمت نفت امروز",
        "انتخابات در تونس",
        "چند کودک در میان قربانیان است؟",
        "دادگاه کی شروع می‌شود؟",
        "واکنش دولت چیست؟",
        "آیا کسی بازداشت شد؟",
        "هوای فردا",
        "ايران چه هشداري داد؟",
    ],
    "fr": [
        "Qui a prévenu Moscou ?",
        "Combien de morts ?",
        "Quand commence le procès ?",
    ],
    "he": [
        "מי הזהיר את רוסיה?",
        "כמה נהרגו?",
        "מתי מתחיל המשפט?",
    ],
    "hi": [
        "रूस को किसने चेताया?",
        "कितने लोग मारे गए?",
        "मुकदमा कब शुरू होगा?",
    ],
    "id": [
        "Siapa yang memperingatkan Rusia?",
        "Berapa orang yang tewas?",
        "Kapan sidang dimulai?",
    ],
    "it": [
        "Chi ha avvertito la Russia?",
        "Quanti sono i morti?",
        "Quando comincia il processo?",
    ],
    "ja": [
        "誰がロシアに警告したのか？",
        "死者は何人ですか？",
        "裁判はいつ始まりますか？",
    ],
    "ko": [
        "누가 러시아에 경고했나?",
        "사망자는 몇 명입니까?",
        "재판은 언제 시작됩니까?",
    ],
    "pl": [
        "Kto ostrzegł Rosję?",
        "Ile osób zginęło?",
        "Kiedy zacznie się proces?",
    ],
    "pt": [
        "Quem avisou a Rússia?",
        "Quantas pessoas morreram?",
        "Quando começa o julgamento?",
    ],
    "ru": [
        "Кто предупредил?",
        "Кто предупредил Россию?",
        "Сколько погибло?",
        "Когда это было?",
        "Где находится зал?",
        "Что сказал Песков?",
        "Иран это отрицал?",
        "Крокус Сити Холл",
        "Почему полиция опоздала?",
        "цены на нефть",
        "итоги выборов",
        "Кто виноват?",
        "Причина пожара",
        "Кого задержали?",
        "Когда суд?",
        "Теракт в Москве",
        "А дети?",
        "Погода на завтра",
    ],
    "tr": [
        "Rusya'yı kim uyardı?",
        "Kaç kişi öldü?",
        "Dava ne zaman başlıyor?",
    ],
    "uk": [
        "Хто попередив Росію?",
        "Скільки людей загинуло?",
        "Коли почнеться суд?",
    ],
    "ur": [
        "روس کو کس نے خبردار کیا؟",
        "کتنے لوگ مارے گئے؟",
        "مقدمہ کب شروع ہوگا؟",
    ],
    "zh": [
        "谁警告了俄罗斯？",
        "有多少人死亡？",
        "审判什么时候开始？",
    ],
}


def wrong(languages: Collection[str], likely: Collection[str]) -> list[tuple[str, str, str]]:
    return [
        (question, language, found)
        for language in languages
        for question in QUESTIONS[language]
        if (found := detect_language(question, likely)) != language
    ]


def test_questions_in_the_languages_of_the_archive() -> None:
    assert wrong(ARCHIVE, ARCHIVE) == []
    assert all(wrong([language], [language]) == [] for language in QUESTIONS)


def test_questions_to_an_archive_of_unknown_languages() -> None:
    # Four in a hundred, all of them two or three words without a verb.
    assert len(wrong(ARCHIVE, ())) <= 3, wrong(ARCHIVE, ())


@pytest.mark.parametrize("likely", [(), ARCHIVE, ("en", "ru")], ids=str)
def test_another_language_is_not_taken_for_one_of_the_archive(likely: Collection[str]) -> None:
    assert wrong(QUESTIONS.keys() - set(ARCHIVE), likely) == []


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("Что такое Crocus City Hall?", "ru"),
        ("أين Crocus City Hall؟", "ar"),
        ("Crocus City Hall کجاست؟", "fa"),
        ("What did Песков say?", "en"),
        ("WHO WARNED RUSSIA?", "en"),
        ("https://www.example.org/world/attack Кто это?", "ru"),
    ],
)
def test_names_in_another_script(question: str, language: str) -> None:
    assert detect_language(question, ARCHIVE) == language


@pytest.mark.parametrize("text", ["", " ", "2024", "???", "🙂", "12:30 – 14:00", "https://example.org"])
def test_no_letters_no_language(text: str) -> None:
    assert detect_language(text) == detect_language(text, ARCHIVE) == ""


def test_a_long_text_that_quotes_another_language() -> None:
    russian = "Министерство сообщило о происшествии на севере страны, пострадавших нет. " * 30
    assert detect_language(f"{russian} «Who warned whom?», спросил репортёр. {russian}", ["en"]) == "ru"
    arabic = "أعلنت الوزارة وقوع الحادث في شمال البلاد ولم يصب أحد بأذى. " * 30
    assert detect_language(f"{arabic} «گفت‌وگو» {arabic}", ["fa"]) == "ar"


def test_a_huge_text_takes_no_longer() -> None:
    text = "Министерство сообщило о происшествии. " * 300_000
    start = time.thread_time()
    assert detect_language(text) == "ru"
    assert time.thread_time() - start < 1


def test_right_to_left() -> None:
    assert all(is_right_to_left(language) for language in ("ar", "fa", "ur", "he", "ps", "ckb"))
    assert not any(is_right_to_left(language) for language in ("en", "ru", "zh", "ku", ""))
