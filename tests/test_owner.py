"""Whose conversations a request is about."""

import re
from types import SimpleNamespace

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.testclient import TestClient

from ui.owner import COOKIE, Owners, known_owner, owner_of


def application() -> FastAPI:
    app = FastAPI()

    @app.get("/page")
    def page() -> Response:
        return Response("<p>", media_type="text/html")

    @app.get("/docs/page")
    def other_page() -> Response:
        return Response("<p>", media_type="text/html")

    @app.get("/v1/owner")
    def owner(request: Request) -> str:
        return owner_of(request.scope)

    @app.get("/v1/known")
    def known(request: Request) -> str:
        return known_owner(request.scope)

    app.add_middleware(Owners)
    return app


def visitor(scheme: str = "http") -> TestClient:
    return TestClient(application(), f"{scheme}://archive.example")


def test_a_browser_is_named_once_and_known_again() -> None:
    with visitor() as browser, visitor() as another:
        assert browser.get("/v1/known").json() == ""
        assert "set-cookie" not in browser.get("/docs/page").headers
        first = browser.get("/page")
        assert re.fullmatch(
            rf"{COOKIE}=[\w-]{{32}}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax",
            first.headers["set-cookie"],
        )
        owner = browser.get("/v1/owner")
        assert "set-cookie" not in owner.headers and "set-cookie" not in browser.get("/page").headers
        assert owner.json() == browser.get("/v1/known").json()
        assert browser.cookies[COOKIE] not in owner.json()
        other = another.get("/v1/owner")
        assert "set-cookie" in other.headers and other.json() != owner.json()
        assert another.get("/v1/owner").json() == other.json()


def test_a_cookie_over_https_stays_there() -> None:
    with visitor("https") as browser:
        assert browser.get("/v1/owner").headers["set-cookie"].endswith("; Secure")


@pytest.mark.parametrize("sent", ["", "short", "x" * 65, "x" * 40 + "é", '"; DROP', "a b" * 20])
def test_a_name_that_was_not_given_here_is_none(sent: str) -> None:
    with visitor() as browser:
        headers = {"cookie": f"other=1; {COOKIE}={sent}".encode()}
        assert browser.get("/v1/known", headers=headers).json() == ""
        assert "set-cookie" in browser.get("/v1/owner", headers=headers).headers


def test_a_token_comes_before_the_browser() -> None:
    cookie = (b"cookie", f"{COOKIE}={'x' * 32}".encode())
    scope = {"type": "http", "headers": [cookie], "state": {"token": SimpleNamespace(name="ana")}}
    assert owner_of(scope) == known_owner(scope) == "token:ana"
    assert owner_of({"type": "http", "headers": [cookie]}).startswith("browser:")
