"""index/split.py: where sentences end, that no character is lost, and how passages are packed."""

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from index.split import pack_passages, split_sentences
from index.types import Sentence

# Each row: language, then the sentences that the joined text must be split into.
ROWS: dict[str, list[str]] = {
    "en titles": ["Mr. Hale met Dr. Ruiz and Gen. J. K. Stone.", "They left.", "No.", "They stayed."],
    "en states": ["The U.S. Army denied it.", "He moved to the U.S.", "Then he left."],
    "en times": ["It began at 5 p.m. Monday.", "It ended at 9 p.m.", "Nobody was hurt."],
    "en numbers": ["It rose 3.5 points to No. 5 on 22.03.2024.", "See fig. 3.", "It fell, e.g. in May."],
    "en addresses": ["See https://news.example.org/a.b?c=1.", "Write to desk.a@example.org.", "Thanks."],
    "en quotes": ['He said "I came. I saw."', "Then he left.", '"Why?" she asked.', "“It is over.”", "So."],
    "en apostrophes": [
        "'Tis over.",
        "The boys' dog ran.",
        "It didn't.",
        "He said: 'I went.'",
        "Then left.",
    ],
    "en brackets": ["The team (it won 3-0. It was good.) left.", "Fans [at 9 a.m.] sang."],
    "en ellipsis": ["Wait... what?!", "Really...", "Yes… maybe.", "OK!"],
    "en list": ["1. The harbour opens.", "2. The ferry leaves.", "(b) It returns."],
    "en lower case": ["It is approx. five miles vs. six.", "iPhone sales fell."],
    "ru initials": ["А. С. Пушкин и Б. Обама не встречались.", "Путин В. В. сказал это.", "Вот так."],
    "ru counted": ["Погибли 145 чел. и ранены 500 чел.", "Ущерб — 5 млн. руб.", "Зал закрыт."],
    "ru years": ["В 2024 г. Россия ждала.", "Это было в 2024 г.", "Он уехал в г. Москва."],
    "ru streets": ["Дом на ул. Ленина, д. 5, стр. 2 закрыт.", "Завод им. Кирова, т. е. цех, открыт."],
    "ru and so on": ["Там были дети, в т. ч. Иванов, и т. д.", "Это так.", "См. рис. 5 и т.п."],
    "ru quotes": ["Он сказал: «Я пришёл. Я видел».", "«Зачем?» — спросил он.", "«Да!»", "Он ушёл."],
    "ar titles": ["وصل أ. د. محمد ثم د. أحمد وم. علي.", "غادر د.سالم أيضا.", "انتهى."],
    "ar marks": ["هل جاء الرجل؟", "نعم!", "ثم… ذهب وزادت 3.5 و٣٫٥ بالمئة يوم 22.03.2024.", "انتهى."],
    "ar no space": [
        "هذا صحيح.",
        "ثم ذهب الرجل.",
        "كتب إلى a.b@example.org وزار www.example.org/a.b اليوم.",
    ],
    "ar semicolon": ["قال الوزير إن الأمر انتهى؛", "وغادر الجميع المكان بسرعة.", "نعم؛ لكنه عاد بعد ذلك."],
    "ar semicolon quoted": [
        "قال «لن نعود إلى هناك؛ ولن ننسى ما حدث» ثم غادر (مع رجال أربعة؛ كما قيل لنا)."
    ],
    "ar quotes": [
        "قال: «وصلت. رأيت».",
        "ثم غادر.",
        "«لماذا حدث هذا؟» سأل الرجل.",
        "«انتهى الأمر.»",
        "ثم ذهب.",
    ],
    "ar years": ["كان ذلك عام 1445 هـ.", "ثم عاد عام 2024 م.", "وكان ص. ب. 500 مغلقا."],
    "ar marked": ["وصل الرجل.\u200f", "\u202bثم غادر.\u202c", "انتهى."],
    "fa titles": ["آقای م. احمدی و دکتر. رضایی آمدند.", "ص. ۵ را ببینید.", "سال ۳۱۱ ق.م. بود."],
    "fa numbers": ["۳٫۵ درصد یا ۳.۵ درصد در ۲۲.۰۳.۲۰۲۴ بود.", "آیا او رفت؟!", "نه.", "«بله.»", "او می‌رود."],
    "fa semicolon": ["وزیر گفت کار تمام شد؛", "همه از آنجا رفتند."],
    "ur stops": ["یہ خبر ہے۔", "وہ کون ہے؟", "ڈاکٹر احمد آئے۔"],
    "fr": ["M. Renard est venu.", "« Oui. »", "« Pourquoi ? » demande-t-il.", "Il part."],
    "de": ["Am 5. März kam Dr. Müller.", "„Gut.“", "Er ging."],
    "el": ["Τι κάνεις;", "Καλά."],
    "hi": ["डॉ. सिंह आए।", "वे चले गए।"],
}


@pytest.mark.parametrize("row", ROWS)
def test_where_sentences_end(row: str) -> None:
    text = " ".join(ROWS[row])
    assert [sentence.text for sentence in split_sentences(text, row[:2])] == ROWS[row]


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        ("zh", ["他说：“你好。我走了。”", "然后走了。", "「真的？」", "涨了3.5万！"]),
        ("ja", ["「本当？」と聞いた。", "はい。", "『ええ。』", "以上。"]),
    ],
)
def test_languages_without_spaces(language: str, sentences: list[str]) -> None:
    assert [sentence.text for sentence in split_sentences("".join(sentences), language)] == sentences


def test_an_unknown_language_is_split_by_its_marks() -> None:
    sentences = ["وصل الرجل؟", "نعم.", "Он здесь.", "यह है।", "Yes!"]
    assert [s.text for s in split_sentences(" ".join(sentences))] == sentences
    assert [s.text for s in split_sentences(" ".join(sentences), "qq")] == sentences


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r", "\n\n", "\u2028", "\u0085"])
def test_a_line_break_ends_a_sentence(line_break: str) -> None:
    text = f"A heading{line_break}  Mr.{line_break}“Open{line_break}\u200f \u00a0{line_break}end”"
    assert [s.text for s in split_sentences(text)] == ["A heading", "Mr.", "“Open", "end”"]


@pytest.mark.parametrize("text", ["", " \n\t", "\u200f\u200b\ufeff", "\u00a0\r\n"])
def test_nothing_to_see_is_no_sentence(text: str) -> None:
    assert split_sentences(text) == ()


def test_a_long_quotation_is_split_inside() -> None:
    short = "«" + "Мы ждали этого дня. " * 10 + "»"
    long = "«" + "Мы ждали этого дня. " * 100 + "»"
    assert len(split_sentences(short, "ru")) == 1
    assert len(split_sentences(long, "ru")) == 100


def test_text_without_an_end_is_cut_where_it_hurts_least() -> None:
    clauses = split_sentences("the ferry left the harbour, " * 200)
    assert all(s.text.endswith(("harbour,", "harbour")) and len(s.text) <= 1500 for s in clauses)
    words = split_sentences("ferry " * 1000)
    assert {word for s in words for word in s.text.split()} == {"ferry"}
    assert max(len(s.text) for s in split_sentences("x" * 10_000)) <= 1500
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    assert not [s for s in split_sentences(family * 1000) if s.text.startswith("\u200d")]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "unit",
    [
        "The ferry left the harbour at dawn. ",
        "غادرت العبارة الميناء صباحا؛ وقال القبطان إن كل شيء بخير. ",
        "Погибли 145 чел. Ранены 500. Это было в 2024 г. Он уехал. ",
        "x",
        ".",
        "« ",
        '"',
        "'",
        '."',
        "» ",
        "؛ ",
        "( ",
        " ",
        "\u200f",
        "a\u0301",
        "https://example.org/",
        "他来了",
    ],
)
def test_a_megabyte_on_one_line_takes_seconds(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    start = time.thread_time()
    sentences = split_sentences(text, "en")
    # The usual is about one second; quadratic time would be minutes.
    assert time.thread_time() - start < 10
    assert all(len(sentence.text) <= 2000 for sentence in sentences)


PIECES = st.sampled_from(
    [
        *"abЯжسمچ字あ😀é5۵٫.,;:!?؟؛۔。！？…\"'«»“”„()[]-—\n\r\t ",
        " ",
        "\r\n",
        "\u00a0",
        "\u200c",
        "\u200d",
        "\u200e",
        "\u200f",
        "\u202b",
        "\u202c",
        "\u2028",
        "\ufeff",
        "\u0301",
        "ً",
        "Mr. ",
        "г. ",
        "т. д. ",
        "د. ",
        "The ferry left. ",
        "وصل الرجل. ",
        "https://a.example.org/b.c ",
        "3.5",
        "...",
        " word" * 400,
    ]
)
TEXTS = st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=60).map("".join))
INVISIBLE = {*"\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\ufeff"} | {
    chr(code) for code in (*range(0x202A, 0x202F), *range(0x2060, 0x206A))
}


@given(TEXTS, st.sampled_from(["", "ar", "en", "fa", "ru", "zh", "de"]))
@example("«a.» " * 500, "ar")
@example("Hi. \u202bHi.", "en")
@settings(max_examples=300, deadline=None)
def test_offsets_are_exact_and_nothing_is_lost(text: str, language: str) -> None:
    sentences = split_sentences(text, language)
    covered = bytearray(len(text))
    position = 0
    for sentence in sentences:
        assert text[sentence.start_char : sentence.end_char] == sentence.text
        assert sentence.text == sentence.text.strip() != ""
        assert len(sentence.text) <= 2000
        assert position <= sentence.start_char
        position = sentence.end_char
        covered[sentence.start_char : sentence.end_char] = b"\1" * len(sentence.text)
    lost = {text[i] for i, inside in enumerate(covered) if not inside}
    assert all(character.isspace() or character in INVISIBLE for character in lost)
    assert split_sentences(text, language) == sentences


def numbered(count: int) -> list[Sentence]:
    return [Sentence("x", 2 * i, 2 * i + 1) for i in range(count)]


@given(st.lists(st.integers(0, 400), max_size=80), st.integers(1, 300))
def test_passages_are_runs_of_whole_sentences(counts: list[int], target: int) -> None:
    sentences = numbered(len(counts))
    passages = pack_passages(sentences, counts, target)
    assert [s for passage in passages for s in passage.sentences] == sentences
    for passage in passages:
        size = sum(counts[s.start_char // 2] for s in passage.sentences)
        assert size <= 1.25 * target or len(passage.sentences) == 1


@pytest.mark.parametrize(
    ("counts", "sizes"),
    [
        ([], []),
        ([10], [1]),
        ([100, 100], [2]),
        ([125, 125], [2]),
        ([150, 150], [1, 1]),
        ([50] * 6, [3, 3]),  # not 4 and a scrap of 2
        ([20] * 13, [7, 6]),
        ([900, 20, 20], [1, 2]),
        ([100, 900, 100], [1, 1, 1]),
    ],
)
def test_passages_are_of_like_size(counts: list[int], sizes: list[int]) -> None:
    packed = pack_passages(numbered(len(counts)), counts, 200)
    assert sorted(len(passage.sentences) for passage in packed) == sorted(sizes)


def test_every_sentence_has_a_count() -> None:
    with pytest.raises(ValueError, match="2 sentences but 1 token counts"):
        pack_passages(numbered(2), [1], 200)
