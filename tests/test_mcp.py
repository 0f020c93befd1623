"""ui/mcp.py: the archive as tools, by the official client, over HTTP and over stdio."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from conftest import ROOT
from mcp import Client, StdioServerParameters
from test_retrieve import SAMPLE

from rag.chat import Assistant

T = TypeVar("T")


def using(server: Any, use: Callable[[Client], Awaitable[T]]) -> T:
    async def run() -> T:
        async with Client(server) as client:
            return await use(client)

    return asyncio.run(run())


def over_stdio(folder: Path) -> StdioServerParameters:
    command = ["-m", "ui.cli", "mcp", "--archive", str(folder)]
    return StdioServerParameters(command=sys.executable, args=command, cwd=ROOT)


def check_the_tools(server: Any, assistant: Assistant) -> None:
    async def use(client: Client) -> tuple[Any, ...]:
        tools = (await client.list_tools()).tools
        found = await client.call_tool("search_archive", {"query": SAMPLE["ar"], "top_k": 3})
        answer = await client.call_tool("ask_archive", {"question": SAMPLE["en"]})
        cited = answer.structured_content["citations"][0]
        article = await client.call_tool("get_article", {"article_id": cited["article_id"]})
        return tools, found, answer, article

    tools, found, answer, article = using(server, use)
    assert {tool.name for tool in tools} == {"search_archive", "ask_archive", "get_article"}
    for tool in tools:
        assert tool.description and tool.output_schema and tool.annotations.read_only_hint
    assert len(found.structured_content["passages"]) == 3
    expected = asyncio.run(assistant.ask(SAMPLE["en"]))
    assert [s["text"] for s in answer.structured_content["statements"]] == [
        statement.text for statement in expected.statements
    ]
    for cited in answer.structured_content["citations"]:
        assert cited["verified"]
    first = answer.structured_content["citations"][0]
    text = article.structured_content["text"]
    assert text[first["start_char"] : first["end_char"]] == first["cited_text"]


def test_the_tools_over_http(address: str, assistant: Assistant) -> None:
    check_the_tools(f"{address}/mcp", assistant)


def test_the_tools_over_stdio(sample_archive_dir: Path, assistant: Assistant) -> None:
    check_the_tools(over_stdio(sample_archive_dir), assistant)


@pytest.mark.parametrize(
    ("tool", "arguments", "says"),
    [
        ("get_article", {"article_id": "nowhere"}, "nowhere"),
        ("ask_archive", {"question": "x" * 3000}, "shorten it"),
        ("ask_archive", {"question": "Who?", "published_from": "last week"}, "ISO 8601"),
        ("search_archive", {"query": "Who?", "top_k": 0}, "top_k"),
    ],
)
def test_a_mistake_is_told_to_the_model(
    address: str, tool: str, arguments: dict[str, Any], says: str
) -> None:
    result = using(f"{address}/mcp", lambda client: client.call_tool(tool, arguments))
    assert result.is_error
    assert says in result.content[0].text


def test_filters_narrow_and_the_unknown_is_said(address: str) -> None:
    async def use(client: Client) -> tuple[Any, Any]:
        narrowed = await client.call_tool(
            "search_archive", {"query": SAMPLE["en"], "languages": ["ru"], "published_to": "2024-12-31"}
        )
        unknown = await client.call_tool("ask_archive", {"question": "Who won the 1954 chess olympiad?"})
        return narrowed.structured_content, unknown.structured_content

    narrowed, unknown = using(f"{address}/mcp", use)
    assert {passage["article"]["language"] for passage in narrowed["passages"]} == {"ru"}
    assert unknown["abstained"] and unknown["reason"]


def test_a_page_elsewhere_cannot_reach_the_tools(address: str) -> None:
    """A name that another site points at this machine is not this machine's own."""
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    headers = {"accept": "application/json, text/event-stream"}
    foreign = httpx.post(f"{address}/mcp", json=message, headers={**headers, "host": "evil.example"})
    assert foreign.status_code in (403, 421)
    origin = httpx.post(
        f"{address}/mcp", json=message, headers={**headers, "origin": "https://evil.example"}
    )
    assert origin.status_code == 403


def test_the_rest_of_the_server_still_answers(address: str) -> None:
    assert httpx.get(f"{address}/readyz").json()["status"] == "ok"
    assert httpx.get(f"{address}/", follow_redirects=True).status_code == 200
