"""ui/headers.py: what every response forbids the browser to do, and that the page works all the same."""

import httpx
import pytest
from browser import CHROMIUM, ask, browsing, visiting

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize(
    "path", ["/", "/en/", "/docs", "/healthz", "/v1/articles", "/nowhere", "/openapi.json"]
)
@pytest.mark.parametrize("headers", [BROWSER, {}], ids=["browser", "program"])
def test_every_response_carries_them(address: str, path: str, headers: dict[str, str]) -> None:
    reply = httpx.get(address + path, headers=headers).headers
    assert reply["x-content-type-options"] == "nosniff"
    assert reply["referrer-policy"] == "same-origin"
    assert "frame-ancestors 'none'" in reply["content-security-policy"]
    assert "'unsafe-inline'" not in reply["content-security-policy"].split("script-src")[-1].split(";")[0]
    # Plain HTTP: nothing may tell the browser to insist on HTTPS.
    assert "strict-transport-security" not in reply


def test_a_nonce_is_used_once(address: str) -> None:
    first, second = (httpx.get(f"{address}/en/", headers=BROWSER) for _ in range(2))
    nonces = []
    for reply in (first, second):
        nonce = reply.headers["content-security-policy"].split("'nonce-")[1].split("'")[0]
        assert reply.text.count("<script") == reply.text.count(f'<script nonce="{nonce}"') > 0
        assert int(reply.headers["content-length"]) == len(reply.content)
        nonces.append(nonce)
    assert nonces[0] != nonces[1]


def test_what_articles_are_read_from_is_never_a_page(address: str) -> None:
    policy = httpx.get(f"{address}/v1/articles", headers=BROWSER).headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "script" not in policy


@pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's `chromium`")
def test_a_smuggled_script_does_not_run_and_the_page_works(address: str) -> None:
    with browsing() as browser:
        with visiting(browser, address) as page:
            ask(page, "Who warned whom before the Crocus attack?")
            assert page.locator(".dl-cite").count() > 0
        context = browser.new_context()
        page = context.new_page()
        page.goto(address)
        page.get_by_role("button", name="Ask", exact=True).wait_for()
        page.evaluate(
            """() => {
              const image = document.createElement('div');
              image.innerHTML = '<img src="nowhere.png" onerror="window.smuggled = 1">';
              const script = document.createElement('script');
              script.textContent = 'window.smuggled = 2';
              document.body.append(image, script);
            }"""
        )
        page.wait_for_timeout(300)
        assert page.evaluate("window.smuggled") is None
        page.goto(f"{address}/docs")
        page.locator(".opblock").first.wait_for()
        context.close()
