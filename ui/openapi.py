"""What the REST API says of itself at `/docs`: examples, errors and the types behind them.

The examples are made of the real types, so they cannot fall behind them.
"""

import json
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from pydantic import TypeAdapter

from index.archive import version_of
from index.readers import InputArticle
from index.types import Article, Count, Coverage, Filters, Passage, Sentence, Statistics
from rag.claims import Claim
from rag.history import Conversation, Feedback, Kept, Rated
from rag.timeline import Entry
from rag.types import Answer, Citation, Evidence, RankedPassage, Statement, Turn, When
from ui.export import MEDIA_TYPES, export
from ui.paging import LINK
from ui.schemas import (
    MAX_ARTICLES,
    ArticleHead,
    ArticlePage,
    Asked,
    ConversationPage,
    FailedInput,
    FailedPlace,
    FailurePage,
    FullArticle,
    FullConversation,
    Ingestion,
    KeptAnswer,
    Problem,
    RatedAnswer,
    SearchResult,
    Span,
    Stored,
    Urls,
)

Json = dict[str, Any]

_WRECK = "A ferry ran aground near Valmere on Sunday."
_UNHURT = "Nobody was hurt."
_ARTICLE = Article(
    id="ferry-1",
    title="Ferry runs aground",
    text=f"{_WRECK} {_UNHURT}",
    url="https://harbour.example.org/ferry-1",
    source="Harbour Post",
    authors=("Ada Quay",),
    language="en",
    published_at="2024-02-03",
    ingested_at="2024-02-04T09:30:00+00:00",
)
_SENTENCES = (
    Sentence(_WRECK, 0, len(_WRECK)),
    Sentence(_UNHURT, len(_WRECK) + 1, len(_ARTICLE.text)),
)
_COVERAGE = Coverage(1, 1, ("en",), ("Harbour Post",), "2024-02-03", "2024-02-03", Filters())
_EVIDENCE = Evidence(
    question="Where did the ferry run aground?",
    language="en",
    hits=(),
    passages=(RankedPassage(_ARTICLE, Passage(_SENTENCES), _SENTENCES, (1.31, 0.72), 1.31),),
    coverage=_COVERAGE,
    answerability=0.93,
)
_CITATION = Citation(
    index=1,
    article_id=_ARTICLE.id,
    title=_ARTICLE.title,
    url=_ARTICLE.url,
    source=_ARTICLE.source,
    published_at=_ARTICLE.published_at,
    language=_ARTICLE.language,
    cited_text=_WRECK,
    start_char=0,
    end_char=len(_WRECK),
    verified=True,
    version=version_of(_ARTICLE),
)
_ANSWER = Answer(
    question=_EVIDENCE.question,
    language="en",
    status="grounded",
    statements=(Statement(_WRECK, "en", (1,)),),
    citations=(_CITATION,),
    coverage=_COVERAGE,
    answerability=_EVIDENCE.answerability,
    timings={"retrieve": 41.5, "first_statement": 44.0, "total": 44.2},
)
_ABSTENTION = Answer(
    question="Who won the chess olympiad?",
    language="en",
    status="abstained",
    statements=(),
    citations=(),
    coverage=_COVERAGE,
    answerability=0.08,
    abstained=True,
    reason="the evidence is too weak",
    nearest=(_CITATION,),
    timings={"retrieve": 38.9, "total": 39.0},
)


_CONVERSATION = Conversation(
    "Zk3mXq0aTq-3v8Jm2yQw1A",
    "Where did the ferry run aground?",
    "2024-02-05T08:00:00.000000+00:00",
    "2024-02-05T08:00:00.000000+00:00",
)
_FEEDBACK = Feedback(
    "down", "incomplete", "It does not say who was on board.", "2024-02-05T08:01:00.000000+00:00"
)
_KEPT = Kept(
    "q7Yb1nE0R5uS9dLw4xCk2g",
    _CONVERSATION.id,
    _ANSWER.question,
    _ANSWER,
    _CONVERSATION.updated_at,
    _FEEDBACK,
)


def _dumped(value: object) -> Any:
    return TypeAdapter(type(value)).dump_python(value, mode="json")


_ABOUT = {
    "question": _EVIDENCE.question,
    "language": "en",
    "answerability": _EVIDENCE.answerability,
    "coverage": _dumped(_COVERAGE),
}
_WHEN = When("2024-02-04", "2024-02-04", "day", written=False)
_CLAIM = Claim(
    speaker="Ada Quay",
    act="say",
    addressee="",
    content="a ferry ran aground near Valmere",
    when=_WHEN,
    reported_by=("Harbour Post",),
    stance="asserts",
    citation=_CITATION,
)
_HEAD = ArticleHead.of(_ARTICLE)
_SEARCH_RESULT = SearchResult.of(_EVIDENCE)
_FULL = FullArticle(
    **_HEAD.model_dump(),
    text=_ARTICLE.text,
    sentences=[Span.of(sentence) for sentence in _SENTENCES],
    version=version_of(_ARTICLE),
    versions=[version_of(_ARTICLE)],
)
_PAGE = ArticlePage(total=1, offset=0, limit=50, articles=[_HEAD])
_STORED = [Stored(id="ferry-1", status="added"), Stored(id="", status="failed", reason="'text': is blank")]
_FEED = "https://harbour.example.org/feed.xml"
_INGESTION = Ingestion(
    id="9f86d081884c7d65",
    state="running",
    inputs=[_FEED],
    expected=None,
    added=11,
    unchanged=30,
    replaced=1,
    failed=1,
    per_second=4.2,
    failures=[FailedPlace(where="https://harbour.example.org/ferry-2", reason="answers 404 Not Found")],
    reason="",
    created_at="2024-02-04T09:30:00+00:00",
    started_at="2024-02-04T09:30:01+00:00",
    ended_at="",
)
_FAILURES = FailurePage(
    total=1,
    offset=0,
    limit=50,
    failures=[FailedInput(input=_INGESTION.failures[0].where, **_INGESTION.failures[0].model_dump())],
)
_STATISTICS = Statistics(
    articles=1,
    undated=0,
    dates=(Count("2024-02-03", 1),),
    sources=(Count("Harbour Post", 1),),
    languages=(Count("en", 1),),
    clusters=0,
    copies=0,
    revisions=0,
    filters=Filters(),
)
_MODEL = {"id": "dateline", "object": "model", "created": 0, "owned_by": "dateline"}
_REPLY: Json = {
    "id": "chatcmpl-1",
    "created": 1732406400,
    "model": "dateline",
    "citations": [_dumped(_CITATION)],
}
_COMPLETION = _REPLY | {
    "object": "chat.completion",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": f"{_WRECK} [1]"},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 9, "completion_tokens": 15, "total_tokens": 24},
    "abstained": False,
}
_CHUNK = _REPLY | {
    "object": "chat.completion.chunk",
    "choices": [{"index": 0, "delta": {"role": "assistant", "content": f"{_WRECK} [1]"}}],
}
_NEW_ARTICLE = {
    "id": "ferry-1",
    "title": _ARTICLE.title,
    "text": _ARTICLE.text,
    "source": _ARTICLE.source,
    "published_at": _ARTICLE.published_at,
}
_REASONS = {
    400: "The body is not text, or the archive does not fit the settings",
    404: "There is no such article, conversation, answer, ingestion or model",
    406: "None of the formats accepted is one of those that there are",
    409: "A request with the same idempotency key is being answered",
    413: "The body is larger than the setting `max_upload_mb` allows",
    415: "The body is neither files nor JSON",
    422: "The request makes no sense; `detail` names the field",
    429: "Too much at once; `Retry-After` says when to try again",
    502: "The language model failed",
    503: "The archive or the language model does not answer; the same request may work later",
}
_DETAILS = {
    400: "The body cannot be read: its text is not UTF-8, a number in it is too long, "
    "or it is nested too deeply.",
    404: "no article has the id 'ferry-9'. `dateline articles list` shows the ids.",
    406: "an answer comes as application/json, text/markdown and others: accept one of them.",
    409: "the request with the idempotency key '8e03' is being answered: ask again in a while.",
    413: "The body is larger than 60 MiB: send less.",
    415: "The body must be files, as multipart/form-data, or URLs, as JSON.",
    422: "top_k: Input should be less than or equal to 100.",
    429: "16 ingestions wait already: nothing was taken in. Try again in a while.",
    502: "the model's reply broke off: ask again.",
    503: "no model answers at 'http://localhost:11434/v1': start it.",
}

ASK_EXAMPLES: dict[str, Any] = {
    "question": {"summary": "A question", "value": {"question": _ANSWER.question}},
    "follow-up": {
        "summary": "A follow-up, narrowed to Arabic and Persian articles of one month",
        "value": {
            "question": "And what did Moscow say?",
            "history": [
                {"role": "user", "content": "Who warned Moscow before the Crocus attack?"},
                {"role": "assistant", "content": "Washington did."},
            ],
            "filters": {
                "published_from": "2024-03-01",
                "published_to": "2024-03-31",
                "languages": ["ar", "fa"],
            },
        },
    },
    "stream": {
        "summary": "A question, answered as server-sent events",
        "value": {"question": _ANSWER.question, "stream": True},
    },
    "kept": {
        "summary": "A question that begins a conversation, which is kept",
        "value": {"question": _ANSWER.question, "conversation": "new"},
    },
}
RENAME_EXAMPLES: dict[str, Any] = {"name": {"summary": "A name", "value": {"name": "The ferry"}}}
FEEDBACK_EXAMPLES: dict[str, Any] = {
    "up": {"summary": "A good answer", "value": {"verdict": "up"}},
    "down": {
        "summary": "One that lacks something",
        "value": {"verdict": "down", "reason": _FEEDBACK.reason, "comment": _FEEDBACK.comment},
    },
}
_IDEMPOTENCY_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A name of your own for this request, such as a UUID. Sent once more within a day, it "
    "gets the reply that it got before; with another request under the same key, 422.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!#-~]+$"},
    "example": "8e03978e-40d5-43e8-bc93-6894a57f9324",
}
ABOUT_EXAMPLES: dict[str, Any] = {
    "question": {"summary": "A question", "value": {"question": _ANSWER.question}},
}
SEARCH_EXAMPLES: dict[str, Any] = {
    "search": {"summary": "A search", "value": {"query": "إنذار قبل الهجوم", "top_k": 5}},
}
COMPLETION_EXAMPLES: dict[str, Any] = {
    "question": {
        "summary": "A question",
        "value": {"model": "dateline", "messages": [{"role": "user", "content": _ANSWER.question}]},
    },
}
RETRY_EXAMPLES: dict[str, Any] = {
    "all": {"summary": "All that failed", "value": {}},
    "some": {"summary": "Some of it", "value": {"inputs": [_INGESTION.failures[0].where]}},
}
INGEST_REQUEST: Json = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "title": "Files",
                    "type": "object",
                    "required": ["files"],
                    "properties": {
                        "files": {
                            "type": "array",
                            "minItems": 1,
                            "items": {"type": "string", "format": "binary"},
                        }
                    },
                    "additionalProperties": False,
                },
            },
            "application/json": {
                "schema": {"$ref": "#/components/schemas/Urls"},
                "examples": {"feed": {"summary": "A feed", "value": {"urls": [_FEED]}}},
            },
        },
    }
}
STORE_REQUEST: Json = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "title": "One article or a list",
                    "anyOf": [
                        {"$ref": "#/components/schemas/InputArticle"},
                        {
                            "type": "array",
                            "maxItems": MAX_ARTICLES,
                            "items": {"description": "An InputArticle; what is none comes back `failed`."},
                        },
                    ],
                },
                "examples": {
                    "one": {"summary": "One article", "value": _NEW_ARTICLE},
                    "many": {
                        "summary": "Several, one of which cannot be taken in",
                        "value": [_NEW_ARTICLE, {"text": ""}],
                    },
                },
            }
        },
    }
}


# One of a stream's server-sent events, as OpenAPI 3.2 describes them.
_EVENT: Json = {
    "type": "object",
    "properties": {
        "event": {"type": "string"},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
    "required": ["data"],
}


def replies(name: str, *errors: int) -> dict[int | str, Json]:
    """What an endpoint may reply: its example, and these errors; any other has the same shape."""
    good = _GOOD[name]
    problems: dict[int | str, Json] = {
        status: _problem(HTTPStatus(status), _REASONS[status]) for status in errors
    }
    return {**good, **problems, "default": _problem(None, "Any other error")}


def complete(schema: Json, *, longest_question: int, has_llm: bool) -> Json:
    """The framework's description with what it was not told: types, and what the settings decide."""
    types: Json = schema["components"]["schemas"]
    for model in (InputArticle, Problem, Urls):
        types[model.__name__] = model.model_json_schema(ref_template="#/components/schemas/{model}")
    for name, field in (("Ask", "question"), ("About", "question"), ("Search", "query")):
        types[name]["properties"][field]["maxLength"] = longest_question
    if not has_llm:
        translate = types["Ask"]["properties"]["translate"]
        translate |= {"const": False, "description": "No language model is set here that could translate."}
    for path, operations in schema["paths"].items():
        if "post" in operations and path.startswith("/v1/"):
            operations["post"].setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
            operations["post"]["responses"].setdefault("409", _problem(HTTPStatus(409), _REASONS[409]))
    return schema


def _problem(status: HTTPStatus | None, description: str) -> Json:
    content: Json = {"schema": {"$ref": "#/components/schemas/Problem"}}
    if status is not None:
        problem = Problem(
            title=status.phrase,
            status=status,
            detail=_DETAILS[status],
            instance="/v1/ask",
            request_id="8d3c5a1f0b7e4962ad10c9f2e6b45703",
        )
        content["example"] = problem.model_dump(mode="json")
    return {"description": description, "content": {"application/problem+json": content}}


def _json(example: Any, description: str = "Done") -> Json:
    return {"description": description, "content": {"application/json": {"example": example}}}


def _events() -> str:
    parts = (
        ("evidence", _SEARCH_RESULT),
        ("citation", _CITATION),
        ("statement", _ANSWER.statements[0]),
        ("answer", Asked.of(_ANSWER)),
    )
    return "".join(
        f"event: {name}\ndata: {TypeAdapter(type(value)).dump_json(value).decode()}\n\n"
        for name, value in parts
    )


_GOOD: dict[str, dict[int | str, Json]] = {
    "ask": {
        200: {
            "description": "The answer, or an abstention; with `stream`, server-sent events",
            "content": {
                "application/json": {
                    "examples": {
                        "answer": {"summary": "An answer", "value": _dumped(Asked.of(_ANSWER))},
                        "abstention": {"summary": "An abstention", "value": _dumped(Asked.of(_ABSTENTION))},
                        "kept": {
                            "summary": "An answer that is kept",
                            "value": _dumped(Asked.of(_ANSWER, _KEPT)),
                        },
                    }
                },
                "text/event-stream": {"itemSchema": _EVENT, "example": _events()},
            },
        }
    },
    "search": {200: _json(_dumped(_SEARCH_RESULT))},
    "claims": {200: _json(_ABOUT | {"complete": False, "claims": [_dumped(_CLAIM)]})},
    "timeline": {200: _json(_ABOUT | {"entries": [_dumped(Entry(_WHEN, _CITATION))]})},
    "completion": {
        200: {
            "description": "The reply; with `stream`, server-sent events of its pieces",
            "content": {
                "application/json": {"example": _COMPLETION},
                "text/event-stream": {
                    "itemSchema": _EVENT,
                    "example": f"data: {json.dumps(_CHUNK)}\n\ndata: [DONE]\n\n",
                },
            },
        }
    },
    "models": {200: _json({"object": "list", "data": [_MODEL]})},
    "model": {200: _json(_MODEL)},
    "articles": {200: _json(_dumped(_PAGE)) | {"headers": LINK}},
    "article": {200: _json(_dumped(_FULL))},
    "store": {200: _json([_dumped(stored) for stored in _STORED], "One outcome for each article")},
    "ingest": {
        202: _json(_dumped(_INGESTION), "It has begun, or waits")
        | {"headers": {"Location": {"schema": {"type": "string"}, "description": "How far it has come"}}}
    },
    "ingestion": {200: _json(_dumped(_INGESTION))},
    "ingestions": {200: _json([_dumped(_INGESTION)])},
    "failures": {200: _json(_dumped(_FAILURES)) | {"headers": LINK}},
    "forget": {204: {"description": "It is not listed any more"}},
    "statistics": {200: _json(_dumped(_STATISTICS))},
    "remove": {204: {"description": "It is gone"}},
    "conversations": {
        200: _json(_dumped(ConversationPage(total=1, offset=0, limit=50, conversations=[_CONVERSATION])))
        | {"headers": LINK}
    },
    "conversation": {200: _json(_dumped(FullConversation.of(_CONVERSATION, [_KEPT])))},
    "renamed": {200: _json(_dumped(replace(_CONVERSATION, name="The ferry")))},
    "kept": {
        200: {
            "description": "The answer; HTML is a page to show, Markdown and DOCX are files to save",
            "content": {
                "application/json": {"example": _dumped(KeptAnswer.of(_KEPT))},
                "text/markdown": {
                    "schema": {"type": "string"},
                    "example": export(_ANSWER, "markdown", _KEPT.asked_at).content.decode(),
                },
                "text/html": {"schema": {"type": "string"}, "example": "<!doctype html>…"},
                MEDIA_TYPES["docx"]: {"schema": {"type": "string", "format": "binary"}},
            },
        }
    },
    "rated": {200: _json(_dumped(_FEEDBACK))},
    "feedback": {
        200: {
            "description": "An answer a line",
            "content": {
                "application/x-ndjson": {
                    "schema": {"type": "string"},
                    "example": json.dumps(
                        _dumped(RatedAnswer.of_rated(Rated(_KEPT, (Turn("user", "Which ferry?"),))))
                    )
                    + "\n",
                }
            },
        }
    },
    "alive": {200: _json({"status": "ok"})},
    "ready": {200: _json({"status": "ok", "articles": 37})},
}
