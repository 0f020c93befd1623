"""Evidence to the numbered sentences that a language model reads."""

from collections.abc import Sequence
from dataclasses import dataclass

from index.types import Article, Sentence
from rag import prompts
from rag.types import Evidence, RankedPassage

# Latin letters come to about 4 bytes a token, Arabic and Cyrillic ones (2 bytes each) to 3 to 5,
# with every tokenizer in wide use. A model that counts otherwise refuses, and less is packed.
BYTES_PER_TOKEN = 3
# What the line of an article's attributes costs, beyond its title and source.
ARTICLE_TOKENS = 30


@dataclass(frozen=True, slots=True)
class Numbered:
    """A sentence that the model may cite."""

    article: Article
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class Packed:
    """What the model reads; the sentence with number n is `sentences[n - 1]`."""

    text: str
    sentences: tuple[Numbered, ...]


def pack(evidence: Evidence, tokens: int) -> Packed:
    """Whole passages, best first, as many as fit, grouped by article in the text's order.

    The best passage is always there, cut to the neighbourhood of its best sentence if need be.
    """
    chosen: dict[str, list[tuple[Sentence, ...]]] = {}
    articles: dict[str, Article] = {}
    left = tokens
    for ranked in evidence.passages:
        new = ranked.article.id not in chosen
        cost = _cost(ranked.passage.sentences) + (_head_cost(ranked.article) if new else 0)
        sentences = ranked.passage.sentences
        if cost > left:
            if chosen:
                continue
            sentences = _around_best(ranked, left)
        left -= cost
        articles[ranked.article.id] = ranked.article
        chosen.setdefault(ranked.article.id, []).append(sentences)
    return number([(articles[id_], group) for id_, group in chosen.items()])


def number(groups: Sequence[tuple[Article, Sequence[Sequence[Sentence]]]]) -> Packed:
    """Number the sentences of each article's passages; a sentence in two passages counts once."""
    numbered: list[Numbered] = []
    blocks: list[str] = []
    for article, passages in groups:
        lines: list[str] = []
        end = 0
        seen: set[int] = set()
        for passage in sorted(passages, key=lambda sentences: sentences[0].start_char):
            # Passages follow on each other with nothing but space between.
            if lines and article.text[end : passage[0].start_char].strip():
                lines.append(prompts.GAP)
            for sentence in passage:
                if sentence.start_char not in seen:
                    seen.add(sentence.start_char)
                    numbered.append(Numbered(article, sentence))
                    lines.append(prompts.sentence(len(numbered), sentence.text))
            end = max(end, passage[-1].end_char)
        blocks.append(
            prompts.article(
                lines,
                source=article.source,
                published=article.published_at or "unknown",
                language=article.language,
                title=article.title,
            )
        )
    return Packed("\n\n".join(blocks), tuple(numbered))


def estimate_tokens(text: str) -> int:
    """About how many tokens a text is, rather too many than too few."""
    return len(text.encode()) // BYTES_PER_TOKEN + 1


def _around_best(ranked: RankedPassage, tokens: int) -> tuple[Sentence, ...]:
    sentences = ranked.passage.sentences
    best = ranked.sentences[0].start_char
    first = last = next((i for i, s in enumerate(sentences) if s.start_char == best), 0)
    left = tokens - _head_cost(ranked.article) - _cost(sentences[first : first + 1])
    while left > 0 and (first > 0 or last < len(sentences) - 1):
        before, after = sentences[max(first - 1, 0)], sentences[min(last + 1, len(sentences) - 1)]
        # What follows explains a sentence more often than what precedes it.
        left -= _cost([after if last < len(sentences) - 1 else before])
        if left < 0:
            break
        if last < len(sentences) - 1:
            last += 1
        else:
            first -= 1
    return sentences[first : last + 1]


def _cost(sentences: Sequence[Sentence]) -> int:
    return sum(estimate_tokens(sentence.text) + 4 for sentence in sentences)


def _head_cost(article: Article) -> int:
    return estimate_tokens(article.title + article.source) + ARTICLE_TOKENS
