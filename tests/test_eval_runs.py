"""`dateline eval` from end to end: real archive, real servers, a real browser for the report."""

import asyncio
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from browser import CHROMIUM, PHONE, WIDE, browsing, serving
from conftest import GOLDEN, ROOT
from openai_server import OpenAIServer, Reply
from typer.testing import CliRunner, Result

from evals import run as running
from evals.__main__ import app
from evals.errors import JudgedSystemError
from evals.html import report_html
from evals.judge import read_labelled
from evals.record import load_results, load_run
from index.embed import Embedder
from index.errors import UserFixableError
from rag.chat import Assistant
from rag.config import Settings
from ui.api import create_api

Eval = Callable[..., Result]
BASELINE = ROOT / "evals" / "data" / "baseline.json"


@contextmanager
def evaluating(folder: Path, archives: Path, embedder: Embedder) -> Iterator[Eval]:
    """`dateline eval` in a folder of its own; archives are opened with the model that is loaded."""
    (folder / "cache").mkdir()
    (folder / "cache" / "archives").symlink_to(archives)
    opened = Assistant.open

    def open_with_model(settings: Settings, *, create: bool = False) -> Assistant:
        assistant = opened(settings, create=create)
        assistant.archive.embedder = embedder
        return assistant

    def call(*arguments: object, code: int = 0) -> Result:
        given = list(map(str, arguments))
        if given[0] == "run":
            given += ["--cache", str(folder / "cache")]
        result = CliRunner().invoke(app, given)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Assistant, "open", open_with_model)
        patch.chdir(folder)
        yield call


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the archives of suites are kept, so that one that several tests ask is made once."""
    return tmp_path_factory.mktemp("archives")


@pytest.fixture
def evaluate(tmp_path: Path, archives: Path, embedder: Embedder) -> Iterator[Eval]:
    with evaluating(tmp_path, archives, embedder) as call:
        yield call


@dataclass(frozen=True)
class SampleRun:
    """A run of the sample against the committed baseline, as CI does it. Read only."""

    folder: Path
    shown: str


@pytest.fixture(scope="module")
def sample_run(tmp_path_factory: pytest.TempPathFactory, archives: Path, embedder: Embedder) -> SampleRun:
    folder = tmp_path_factory.mktemp("sample-run")
    with evaluating(folder, archives, embedder) as call:
        shown = call("run", "sample", "--baseline", BASELINE, "--out", "made").output
    return SampleRun(folder / "made", shown)


def some_cases(folder: Path, *ids: str) -> Path:
    """Golden questions in a file, with the sample's articles beside them."""
    folder.mkdir(exist_ok=True)
    lines = [row for row in GOLDEN.read_text("utf-8").splitlines() if json.loads(row)["id"] in ids]
    (folder / "cases.jsonl").write_text("\n".join(lines), "utf-8")
    (folder / "articles.jsonl").write_text((GOLDEN.parent / "articles.jsonl").read_text("utf-8"), "utf-8")
    return folder


def with_model(monkeypatch: pytest.MonkeyPatch, server: OpenAIServer) -> None:
    monkeypatch.setenv("DATELINE_LLM_MODEL", "small")
    monkeypatch.setenv("DATELINE_LLM_BASE_URL", server.base_url)
    monkeypatch.setenv("DATELINE_LLM_RETRIES", "0")
    # One request a case.
    monkeypatch.setenv("DATELINE_LLM_RETRY_UNVERIFIED", "false")


# --- the sample, the gate


def test_the_sample_passes_the_gate(evaluate: Eval, sample_run: SampleRun) -> None:
    """What CI runs: no figure has fallen below the committed baseline by more than chance."""
    made, shown = sample_run.folder, sample_run.shown
    assert "64 cases" in shown
    run, results = load_run(made), load_results(made)
    figures = {figure.name: figure for figure in run.figures["all"]}
    for figure in figures.values():
        assert figure.value is not None and figure.low is not None and figure.high is not None
        assert figure.low - 1e-9 <= figure.value <= figure.high + 1e-9 and figure.n > 0
        row = next(row for row in shown.splitlines() if row.startswith(figure.name + " "))
        assert row.split()[len(figure.name.split())] == str(figure.n)
    assert figures["offsets exact"].value == 1.0
    assert (figures["article hit@5"].value or 0) >= 0.9
    assert (figures["sentence hit@5"].value or 0) >= 0.8
    assert set(run.matrix) == {"ar", "en", "fa", "ru"}
    assert len(results) == len(run.cases) == 64
    assert {"archive", "code", "seed", "torch", "top_k"} <= run.settings.keys()
    # Any tool that reads TREC's files finds the same figures in them.
    trec = evaluate("trec", made / "run.trec", made / "qrels.trec").output
    assert re.search(rf"^mAP +48 +{figures['article mAP'].value:.2f} ", trec, re.MULTILINE)
    shown = evaluate("show", made, "--failed").output
    for result in results:
        assert (f"{result.case.id} [{result.case.language}]  sample" in shown) == bool(result.failures)


def test_the_gate_catches_a_regression(evaluate: Eval, monkeypatch: pytest.MonkeyPatch) -> None:
    """Centring taken away: languages fall apart, and the gate says so."""
    import index.archive

    monkeypatch.setattr(index.archive, "centre", lambda vectors, *others: vectors)
    monkeypatch.setattr("evals.cache.code_fingerprint", lambda: "seeded")
    monkeypatch.setattr(running, "code_fingerprint", lambda: "seeded")
    result = evaluate("run", "sample", "--baseline", BASELINE, "--out", "made", code=1)
    assert "not good enough" in result.stderr
    assert " fell from " in result.stderr
    assert "failed only after" in result.output


def test_a_floor_fails_the_run(evaluate: Eval, tmp_path: Path) -> None:
    suite = some_cases(tmp_path / "few", "g01", "g33")
    evaluate("run", suite, "--fail-below", "article hit@1=0.5")
    result = evaluate("run", suite, "--fail-below", "token F1=0.99", code=1)
    assert "token F1" in result.stderr


# --- runs


def test_a_run_is_cached_recorded_and_compared(evaluate: Eval, tmp_path: Path) -> None:
    suite = some_cases(tmp_path / "few", "g01", "g02", "g33", "g60")
    evaluate("run", suite, "--out", "a")
    assert "4 replies from an earlier run" in evaluate("run", suite, "--out", "b").output
    assert "earlier run" not in evaluate("run", suite, "--out", "c", "--fresh").output
    first, second, third = (load_run(name) for name in "abc")
    assert (first.cached, second.cached, third.cached) == (0, 4, 0)
    assert [case.scores for case in first.cases] == [case.scores for case in second.cases]
    quality = [
        {n: s for n, s in c.scores.items() if "p50" not in n and "p95" not in n} for c in third.cases
    ]
    assert quality == [{n: case.scores[n] for n in quality[i]} for i, case in enumerate(first.cases)]
    shown = evaluate("compare", "a", "c").output
    assert "over 4 cases" in shown and "failed only" not in shown
    evaluate("run", suite, "--limit", 2)
    listed = evaluate("list").output
    assert "sample" in listed and "few-" in listed and "2 cases" in listed
    with pytest.raises(UserFixableError, match="nowhere"):
        evaluate("show", "nowhere")


def test_another_setting_is_another_reply(
    evaluate: Eval, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = some_cases(tmp_path / "few", "g01")
    evaluate("run", suite, "--out", "a")
    monkeypatch.setenv("DATELINE_MIN_ANSWERABILITY", "1.0")
    evaluate("run", suite, "--out", "b")
    assert not load_results("a")[0].reply.abstained and load_results("b")[0].reply.abstained
    assert "failed only after (1): g01" in evaluate("compare", "a", "b").output


def test_search_only_measures_retrieval(evaluate: Eval, tmp_path: Path) -> None:
    suite = some_cases(tmp_path / "few", "g01", "g02", "g33")
    evaluate("run", suite, "--search-only", "--out", "a")
    names = {figure.name for figure in load_run("a").figures["all"]}
    assert {"article mAP", "sentence MRR", "AUROC"} <= names
    assert not {"fact recall", "abstention accuracy", "citation recall"} & names


def test_only_a_case_that_failed_is_asked_again(
    evaluate: Eval, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = some_cases(tmp_path / "few", "g01", "g02", "g03", "g04")
    good = "Iran warned Russia. [1]"
    with OpenAIServer(good, good, Reply(good, break_after=1), good, good) as server:
        with_model(monkeypatch, server)
        options = ("--no-judge", "--concurrency", 1)
        result = evaluate("run", suite, "--out", "a", *options, code=2)
        assert "1 cases got no reply" in result.stderr and "not complete" in result.stderr
        # An outage is no score.
        assert (load_run("a").errors, len(load_run("a").cases)) == (1, 3)
        assert len(server.requests) == 4
        evaluate("run", suite, "--out", "b", *options)
        assert (load_run("b").cached, len(server.requests)) == (3, 5)


def test_a_killed_run_goes_on(evaluate: Eval, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    suite = some_cases(tmp_path / "few", "g01", "g02", "g03", "g04")
    third = threading.Event()
    killed = threading.Event()

    def answer(messages: list[dict[str, str]]) -> str:
        if len(server.requests) == 3:
            third.set()
            killed.wait(30)
        return "Iran warned Russia. [1]"

    with OpenAIServer(answer=answer) as server:
        with_model(monkeypatch, server)
        command = [sys.executable, "-m", "evals", "run", str(suite), "--no-judge", "--concurrency", "1"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen([*command, "--cache", str(tmp_path / "cache")], env=environment)
        assert third.wait(120)
        process.kill()
        process.wait()
        killed.set()
        evaluate("run", suite, "--out", "b", "--no-judge")
    assert load_run("b").cached == 2 and len(load_run("b").cases) == 4


def test_a_system_that_is_down_ends_the_run(
    evaluate: Eval, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OpenAIServer() as server:
        with_model(monkeypatch, server)
    with pytest.raises(UserFixableError, match="nothing answers"):
        evaluate("run", "sample", "--out", "a", "--no-judge")
    assert not Path("a").exists()


def test_cases_run_side_by_side_within_a_limit(
    evaluate: Eval, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = some_cases(tmp_path / "few", *(f"g{number:02}" for number in range(1, 13)))
    lock, inside, most = threading.Lock(), 0, 0

    def answer(messages: list[dict[str, str]]) -> str:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        threading.Event().wait(0.2)
        with lock:
            inside -= 1
        return "Iran warned Russia. [1]"

    with OpenAIServer(answer=answer) as server:
        with_model(monkeypatch, server)
        evaluate("run", suite, "--no-judge", "--concurrency", 3)
    assert 2 <= most <= 3


# --- the judge


def by_label(messages: list[dict[str, str]]) -> str:
    """A model that answers, and a judge that grades as people did, but for what it cannot know."""
    prompt = messages[-1]["content"]
    if "Reply with JSON only" not in prompt:
        return "Iran warned Russia. [1]"
    for item in read_labelled():
        own = f"Statement: {item.text}" if item.about == "faithful" else f"Answer: {item.text}"
        if own in prompt and item.question in prompt and all(s[:30] in prompt for s in item.sentences):
            return json.dumps({"reason": "as labelled", "verdict": "yes" if item.passed else "no"})
    return 'Sure! {"reason": "it is so", "verdict": "yes"}' if "Statement:" in prompt else "hard to say"


def test_a_judge_gives_reasons_and_its_agreement_with_people(
    evaluate: Eval, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = some_cases(tmp_path / "few", "g01", "g02")
    with OpenAIServer(answer=by_label) as server:
        with_model(monkeypatch, server)
        shown = evaluate("run", suite, "--out", "a").output
        asked = len(server.requests)
        evaluate("run", suite, "--out", "b")
        assert len(server.requests) == asked, "verdicts are kept too"
    run = load_run("a")
    figures = {figure.name: figure for figure in run.figures["all"]}
    # What the judge wrote unreadably is unscored, never zero.
    assert "judged correct" not in figures
    assert (figures["judged faithful"].value, figures["judged faithful"].n) == (1.0, 2)
    for result in load_results("a"):
        verdicts = {verdict.about: verdict for verdict in result.verdicts}
        assert verdicts["faithful"].reason == "it is so"
        assert verdicts["correct"].passed is None and "hard to say" in verdicts["correct"].reason
    agreement = {figure.name: figure for figure in run.agreement}
    assert agreement["agreement on faithful"].value == agreement["kappa on correct"].value == 1.0
    assert agreement["agreement on faithful"].n + agreement["agreement on correct"].n >= 40
    assert "agreement on correct 1.00" in shown


def test_a_judge_who_always_says_yes_agrees_by_chance_alone(
    evaluate: Eval, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = some_cases(tmp_path / "few", "g01")
    with OpenAIServer(answer=lambda messages: '{"reason": "", "verdict": "yes"}') as server:
        with_model(monkeypatch, server)
        evaluate("run", suite, "--out", "a")
    agreement = {figure.name: figure.value for figure in load_run("a").agreement}
    assert agreement["agreement on faithful"] == 0.5
    assert agreement["kappa on faithful"] == 0.0


def test_the_labelled_set_is_balanced() -> None:
    labelled = read_labelled()
    assert len(labelled) >= 40
    for about in ("correct", "faithful"):
        passed = [item.passed for item in labelled if item.about == about]
        assert 0.4 <= sum(passed) / len(passed) <= 0.6


def test_a_judge_needs_a_model(evaluate: Eval) -> None:
    with pytest.raises(UserFixableError, match="needs a language model"):
        evaluate("run", "sample", "--judge")
    with pytest.raises(UserFixableError, match="no server is set"):
        evaluate("run", "sample", "--model", "small")


# --- other systems


def test_a_running_server_is_judged_alike(evaluate: Eval, tmp_path: Path, assistant: Assistant) -> None:
    suite = some_cases(tmp_path / "few", "g01", "g02", "g17", "g33", "g60")
    evaluate("run", suite, "--out", "here")
    with serving(create_api(assistant)) as url:
        # Questions that arrive together are embedded together, and then not the same to the last digit.
        evaluate("run", suite, "--url", url, "--concurrency", 1, "--out", "there")
    here, there = load_run("here"), load_run("there")
    for mine, other in zip(here.cases, there.cases, strict=True):
        for name in ("citation recall", "fact recall", "offsets exact", "article mAP", "AUROC"):
            assert mine.scores.get(name) == pytest.approx(other.scores.get(name)), (mine.id, name)
    assert "failed only" not in evaluate("compare", "here", "there").output


def test_any_openai_compatible_url_is_judged(evaluate: Eval, tmp_path: Path) -> None:
    suite = some_cases(tmp_path / "few", "g01", "g33")

    def answer(messages: list[dict[str, str]]) -> str:
        known = "Who warned whom" in messages[-1]["content"]
        return "Iran warned Russia, and so did the United States." if known else "NOT KNOWN"

    with OpenAIServer(answer=answer) as server:
        evaluate("run", suite, "--url", server.base_url, "--model", "large", "--out", "a")
        assert server.requests[0].body["model"] == "large"
    figures = {figure.name: figure for figure in load_run("a").figures["all"]}
    assert figures["fact recall"].value == 1.0
    assert figures["abstention accuracy"].value == 1.0
    # It shows no sources: what it cannot be judged by is left out, not zero.
    assert not {"article mAP", "citation recall", "AUROC"} & figures.keys()


def test_a_key_goes_only_where_it_was_configured_to_go(
    evaluate: Eval, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = some_cases(tmp_path / "few", "g33")
    monkeypatch.setenv("DATELINE_LLM_API_KEY", "sk-secret-0123456789")
    with OpenAIServer(answer=lambda messages: "NOT KNOWN") as server:
        options = ("--url", server.base_url, "--model", "large", "--no-judge")
        evaluate("run", suite, *options, "--out", "a")
        monkeypatch.setenv("DATELINE_LLM_BASE_URL", server.base_url)
        evaluate("run", suite, *options, "--out", "b")
        keys = [request.headers["authorization"] for request in server.requests]
    assert keys == ["Bearer none", "Bearer sk-secret-0123456789"]
    assert "secret" not in Path("b/run.json").read_text("utf-8")


def test_citations_beside_an_openai_reply_are_judged(
    evaluate: Eval, tmp_path: Path, assistant: Assistant
) -> None:
    suite = some_cases(tmp_path / "few", "g01", "g33")
    with serving(create_api(assistant)) as url:
        evaluate("run", suite, "--url", f"{url}/v1", "--out", "a")
    known, unknown = load_results("a")
    assert known.scores["citation recall"][0] > 0
    assert known.scores["statements cited"][0] == known.scores["statements cited"][1] > 0
    assert unknown.reply.abstained == assistant_abstains(assistant, unknown.case.question)


def assistant_abstains(assistant: Assistant, question: str) -> bool:
    return asyncio.run(assistant.ask(question)).abstained


def test_a_url_that_is_no_dateline_is_said(evaluate: Eval, tmp_path: Path) -> None:
    suite = some_cases(tmp_path / "few", "g01", "g02", "g03", "g04", "g05", "g06")
    with (
        OpenAIServer(*[Reply(raw=b"<html>hello</html>")] * 20) as server,
        pytest.raises(JudgedSystemError, match="check the address"),
    ):
        evaluate("run", suite, "--url", server.base_url.removesuffix("/v1"))


# --- the report


@pytest.fixture
def report(sample_run: SampleRun) -> Path:
    return sample_run.folder / "report.html"


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: the page cannot be looked at")
@pytest.mark.parametrize("size", [WIDE, PHONE])
def test_the_report_in_a_browser(report: Path, size: tuple[int, int]) -> None:
    run, results = load_run(report.parent), load_results(report.parent)
    with browsing() as browser:
        page = browser.new_page(viewport={"width": size[0], "height": size[1]})
        requested: list[str] = []
        wrong: list[str] = []
        page.on("request", lambda request: requested.append(request.url))
        page.on("console", lambda line: wrong.append(line.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(report.as_uri())
        # Nothing but the page itself is fetched, and nothing it does is refused.
        assert (requested, wrong) == ([report.as_uri()], [])
        assert page.locator("figure svg").count() == 5
        titles = page.locator("figcaption b").all_inner_texts()
        assert {"Risk and coverage", "Calibration of answerability", "Time to the whole answer"} <= {
            *titles
        }
        for figure in run.figures["all"]:
            assert page.locator("table").first.get_by_text(figure.name, exact=True).count() == 1
        shown = page.locator("details.case:not([hidden])")
        assert shown.count() == 64
        page.get_by_label("only what went wrong").check()
        assert shown.count() == sum(bool(result.failures) for result in results)
        page.locator("#language").select_option("ar")
        arabic = [r for r in results if r.case.language == "ar"]
        assert shown.count() == sum(bool(r.failures) for r in arabic)
        page.get_by_label("only what went wrong").uncheck()
        answered = next(r for r in arabic if r.reply.citations and r.scores["citation precision"][0])
        page.get_by_label("search in cases").fill(answered.case.question)
        assert shown.count() == 1
        case = shown.first
        case.locator("summary").click()
        assert case.locator("mark").first.inner_text() == answered.reply.citations[0].cited_text
        assert case.locator("blockquote.gold mark").count() >= 1
        summary = case.locator("summary")
        assert summary.evaluate("each => getComputedStyle(each).direction") == "rtl"
        statement = case.locator("p[lang=ar]").first
        assert statement.evaluate("each => getComputedStyle(each).direction") == "rtl"
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= size[0], "the page must not scroll sideways"


def test_what_articles_hold_is_shown_as_text(report: Path) -> None:
    run, results = load_run(report.parent), load_results(report.parent)
    bad = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    first = replace(results[0], case=replace(results[0].case, question=bad, id=bad))
    made = report_html(run, [first, *results[1:]])
    assert bad not in made and "&lt;script&gt;alert(1)" in made
    head = made.split("<h2>Cases</h2>")[0]
    # Names of XML's vocabularies look like addresses, and are none.
    assert "://" not in re.sub(r'xmlns(:\w+)?="[^"]+"', "", head)
