"""Makes the README's pictures of the page anew: `python tests/screenshots.py`."""

import tempfile
from contextlib import closing
from io import BytesIO
from pathlib import Path

from browser import ask, browsing, serving, visiting
from PIL import Image
from playwright.sync_api import Browser

from index.archive import Archive
from index.config import IndexConfig
from index.ingest import ingest
from index.readers import read
from rag.chat import Assistant
from rag.config import Settings
from ui.serve import create_app
from ui.words import Words

ROOT = Path(__file__).parent.parent
ARTICLES = ROOT / "evals" / "data" / "articles.jsonl"
# Name, language, colours, question, and the number that is opened.
PICTURES = (
    ("desk-en", "en", "light", "Who warned whom before the Crocus attack?", 2),
    ("desk-ar", "ar", "dark", "كم قتيلا سقط في الهجوم على كروكوس؟", 0),
)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "archive"
        with closing(Archive.open(IndexConfig(archive=folder), create=True)) as archive:
            for outcome in ingest(archive, read([ARTICLES])):
                assert outcome.status == "added", outcome
            assistant = Assistant(Settings(archive=folder), archive)
            with serving(create_app(assistant)) as address, browsing() as browser:
                for each in PICTURES:
                    take(browser, address, *each)


def take(
    browser: Browser, address: str, name: str, language: str, scheme: str, question: str, number: int
) -> None:
    words = Words.of(language)
    with visiting(browser, f"{address}/{language}/", size=(1440, 900), scheme=scheme, words=words) as page:
        ask(page, question)
        if number:
            page.locator(".dl-statement .dl-cite", has_text=f"[{number}]").first.click()
            page.locator(".dl-article mark").wait_for()
        page.wait_for_timeout(500)
        picture = Image.open(BytesIO(page.screenshot()))
    # A palette is enough for text on plain ground, at a third of the size.
    path = ROOT / "docs" / f"{name}.png"
    path.parent.mkdir(exist_ok=True)
    picture.convert("RGB").quantize(128).save(path, optimize=True)
    print(path.relative_to(ROOT), path.stat().st_size // 1024, "kB")


if __name__ == "__main__":
    main()
