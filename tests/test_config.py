"""rag/config.py: where a setting comes from, and what is refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.config import Settings, explain_settings, load_settings
from rag.errors import SettingsError

SECRET = "sk-very-secret-0123456789"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No settings but those that the test makes."""
    monkeypatch.chdir(tmp_path)
    yield


def rows(**overrides: object) -> dict[str, tuple[str, str]]:
    return {name: (value, origin) for name, value, origin, _ in explain_settings(**overrides)}


def test_without_any_source_every_setting_has_its_default() -> None:
    settings = load_settings()
    assert settings == Settings()
    assert settings.archive == Path("archive")
    assert not settings.has_llm
    assert {origin for _, origin in rows().values()} == {"default"}


def test_every_setting_is_explained() -> None:
    explained = explain_settings()
    assert [row[0] for row in explained] == list(Settings.model_fields)
    assert all(description for *_, description in explained)


def test_priority_is_command_line_environment_dotenv_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dateline.toml").write_text("top_k = 1\nport = 1001\nbatch_size = 11\nhost = 'toml'\n")
    (tmp_path / ".env").write_text("DATELINE_TOP_K=2\nDATELINE_PORT=1002\nDATELINE_BATCH_SIZE=12\n")
    monkeypatch.setenv("DATELINE_TOP_K", "3")
    monkeypatch.setenv("DATELINE_PORT", "1003")
    settings = load_settings(top_k=4, archive=None)
    assert (settings.top_k, settings.port, settings.batch_size, settings.host) == (4, 1003, 12, "toml")
    explained = rows(top_k=4, archive=None)
    assert explained["top_k"] == ("4", "command line")
    assert explained["port"] == ("1003", "environment")
    assert explained["batch_size"] == ("12", ".env")
    assert explained["host"] == ("toml", "dateline.toml")
    assert explained["archive"] == ("archive", "default")


def test_a_named_settings_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("top_k = 7\n")
    monkeypatch.setenv("DATELINE_CONFIG", str(file))
    assert load_settings().top_k == 7
    assert rows()["top_k"] == ("7", str(file))


def test_a_named_settings_file_must_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATELINE_CONFIG", "missing.toml")
    with pytest.raises(SettingsError, match=r"'missing\.toml'.*does not exist"):
        load_settings()


def test_an_unknown_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATELINE_TOPK", "3")
    with pytest.raises(SettingsError, match="'DATELINE_TOPK'"):
        load_settings()


@pytest.mark.parametrize("file", ["dateline.toml", ".env"])
def test_an_unknown_key_of_a_file_is_refused(tmp_path: Path, file: str) -> None:
    key = "topk" if file.endswith("toml") else "DATELINE_TOPK"
    (tmp_path / file).write_text(f"{key} = 3\n")
    with pytest.raises(SettingsError, match=r"(?i)topk"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("top_k", "0"),
        ("top_k", "many"),
        ("port", "70000"),
        ("min_answerability", "1.1"),
        ("llm_timeout", "0"),
        ("log_level", "LOUD"),
        ("embedder", ""),
    ],
)
def test_a_value_out_of_bounds_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"DATELINE_{name.upper()}", value)
    with pytest.raises(SettingsError, match=name) as caught:
        load_settings()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["top_k = \n", "= =", "\x00", "top_k = 3\ntop_k = 4\n"])
def test_a_file_that_is_not_toml_is_one_line_of_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "dateline.toml").write_text(content)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_utf_8_is_one_line_of_error(tmp_path: Path) -> None:
    (tmp_path / "dateline.toml").write_bytes(b'host = "\xff\xfe"\n')
    with pytest.raises(SettingsError):
        load_settings()


@pytest.mark.parametrize("variable", ["DATELINE_LLM_API_KEY", "OPENAI_API_KEY"])
def test_the_key_is_used_and_never_shown(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, SECRET)
    monkeypatch.setenv("DATELINE_LLM_MODEL", "a-model")
    settings = load_settings()
    assert settings.llm_api_key.get_secret_value() == SECRET
    assert settings.has_llm
    explained = explain_settings()
    assert SECRET not in repr(settings) + str(settings) + repr(explained)
    origin = "OPENAI_API_KEY" if variable == "OPENAI_API_KEY" else "environment"
    assert rows()["llm_api_key"] == ("**********", origin)


def test_our_own_key_goes_before_the_common_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "common")
    monkeypatch.setenv("DATELINE_LLM_API_KEY", SECRET)
    assert load_settings().llm_api_key.get_secret_value() == SECRET


def test_a_bad_value_beside_a_key_does_not_show_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dateline.toml").write_text(f"llm_api_key = ['{SECRET}']\ntop_k = 0\n")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, False),
        ({"llm_model": "m"}, False),
        ({"llm_base_url": "http://localhost:1/v1"}, False),
        ({"llm_model": "m", "llm_base_url": "http://localhost:1/v1"}, True),
        ({"llm_model": "m", "llm_api_key": "k"}, True),
    ],
)
def test_a_model_needs_a_name_and_somewhere_to_go(given: dict[str, str], expected: bool) -> None:
    assert load_settings(**given).has_llm is expected


def test_the_index_gets_its_part() -> None:
    config = load_settings(archive=Path("a"), embedder="e", passage_tokens=64, query_prompt="q: ").index()
    assert (config.archive, config.embedder, config.passage_tokens, config.query_prompt) == (
        Path("a"),
        "e",
        64,
        "q: ",
    )


def test_a_dotenv_shared_with_other_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("POSTGRES_PASSWORD=x\nOPENAI_API_KEY=sk-common\nDATELINE_TOP_K=7\n")
    settings = load_settings(llm_model="m")
    assert (settings.top_k, settings.has_llm) == (7, True)
    origins = {name: origin for name, _, origin, _ in explain_settings()}
    assert (origins["top_k"], origins["llm_api_key"]) == (".env", "OPENAI_API_KEY in .env")
    (tmp_path / ".env").write_text("DATELINE_TOPK=7\n")
    with pytest.raises(SettingsError, match="topk"):
        load_settings()


def test_a_password_in_a_url_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATELINE_LLM_BASE_URL", "https://user:secret@models.example.org/v1")
    shown = {name: value for name, value, _, _ in explain_settings()}
    assert shown["llm_base_url"] == "https://**********@models.example.org/v1"
