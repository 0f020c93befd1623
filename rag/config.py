"""Every setting of Dateline; the only reader of the environment and of settings files."""

import os
import re
from pathlib import Path
from typing import Any, Literal

from dotenv import dotenv_values
from pydantic import Field, IPvAnyNetwork, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from index.config import BUNDLED_EMBEDDER, IndexConfig
from rag.errors import SettingsError

PREFIX = "DATELINE_"
CONFIG_FILE_VARIABLE = "DATELINE_CONFIG"
DEFAULT_CONFIG_FILE = "dateline.toml"
DOTENV = ".env"
COMMON_KEY = "OPENAI_API_KEY"
OTEL_EXPORTERS = "opentelemetry_traces_exporter"
_OTEL = (
    "SDK_DISABLED",
    "TRACES_EXPORTER",
    "EXPORTER_OTLP_ENDPOINT",
    "EXPORTER_OTLP_PROTOCOL",
    "EXPORTER_OTLP_TRACES_ENDPOINT",
    "EXPORTER_OTLP_TRACES_PROTOCOL",
)
_PASSWORD = re.compile(r"//[^/@]+@")


class Settings(BaseSettings):
    """Settings, in falling priority: command line, `DATELINE_*` variables, `.env`, TOML file."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    archive: Path = Field(default=Path("archive"), description="Folder that holds the archive.")
    chroma_url: str = Field(
        default="", description="URL of a Chroma server; empty keeps the store in the archive folder."
    )
    embedder: str = Field(
        default=BUNDLED_EMBEDDER,
        min_length=1,
        description="Embedding model: the bundled one, a sentence-transformers name, or a folder.",
    )
    query_prompt: str | None = Field(
        default=None, description="Text put before a question to embed it; unset takes the model's own."
    )
    passage_prompt: str | None = Field(
        default=None, description="Text put before a passage to embed it; unset takes the model's own."
    )
    passage_tokens: int = Field(
        default=200, ge=32, le=500, description="Target length of a passage, in the model's tokens."
    )
    batch_size: int = Field(default=32, ge=1, le=512, description="Texts embedded at a time.")
    private_networks: tuple[IPvAnyNetwork, ...] = Field(
        default=(),
        description='Networks that pages may be fetched from although they are private: ["10.0.0.0/8"].',
    )
    fetch_delay: float = Field(
        default=1.0, ge=0, le=600, description="Seconds between two requests to one host, at least."
    )
    top_k: int = Field(default=10, ge=1, le=100, description="Passages that a question retrieves.")
    reranker: str = Field(
        default="",
        description="Cross-encoder that reorders what was found: a sentence-transformers name or a "
        "folder; empty for none.",
    )
    rerank_candidates: int = Field(
        default=30, ge=1, le=200, description="Passages, and sentences, that the reranker reads."
    )
    min_answerability: float = Field(
        default=0.2,
        ge=0.0,
        le=1.0,
        description="Abstain when the probability that the evidence holds the answer is lower.",
    )
    max_question_chars: int = Field(
        default=2000, ge=100, le=20000, description="Longest question taken, in characters."
    )
    llm_model: str = Field(
        default="", description="Model name; with a key or base URL, answers are written by it."
    )
    llm_base_url: str = Field(
        default="", description="URL of an OpenAI-compatible server, e.g. http://localhost:11434/v1."
    )
    llm_api_key: SecretStr = Field(
        default=SecretStr(""),
        description="Key for that server; OPENAI_API_KEY is taken when this is unset.",
    )
    llm_timeout: float = Field(
        default=60.0, gt=0, le=600, description="Seconds without a byte from the model before giving up."
    )
    llm_retries: int = Field(
        default=2, ge=0, le=10, description="Retries on 429, 5xx and lost connections."
    )
    llm_context_tokens: int = Field(
        default=6000, ge=500, le=1_000_000, description="Tokens of evidence shown to the model, at most."
    )
    llm_retry_unverified: bool = Field(
        default=True, description="Let the model write a statement that fails its check once more."
    )
    llm_unverified: Literal["mark", "drop"] = Field(
        default="mark", description="What becomes of a statement that still fails: `mark` or `drop`."
    )
    llm_judge: bool = Field(
        default=False, description="Ask the model to judge each statement that passed the rules."
    )
    host: str = Field(default="127.0.0.1", min_length=1, description="Address the server binds to.")
    port: int = Field(default=7860, ge=1, le=65535, description="Port the server listens on.")
    require_tokens: bool = Field(
        default=False,
        description="Ask for a token on a loopback address too; on any other it is always asked for.",
    )
    allowed_hosts: tuple[str, ...] = Field(
        default=(),
        description='Names that the server goes by, e.g. behind a proxy: ["archive.example.org"].',
    )
    cors_origins: tuple[str, ...] = Field(
        default=(),
        description='Sites whose pages may use REST: ["https://desk.example.org"].',
    )
    requests_per_minute: int = Field(
        default=600,
        ge=0,
        description="Requests that one token, or one address, may send in a minute; 0: any number.",
    )
    requests_at_once: int = Field(
        default=32, ge=0, description="Requests of one token, or one address, at a time; 0: any number."
    )
    max_upload_mb: int = Field(default=60, ge=1, le=2048, description="Largest body of a request, in MiB.")
    trusted_proxies: tuple[str, ...] = Field(
        default=("127.0.0.1", "::1"),
        description="Addresses of proxies whose word on the client's address and scheme is taken.",
    )
    log_level: str = Field(
        default="WARNING",
        pattern="^(DEBUG|INFO|WARNING|ERROR)$",
        description="Least severe log line shown.",
    )
    log_format: Literal["auto", "text", "json"] = Field(
        default="auto",
        description="Form of a server's log lines; `auto` is JSON where they go to no terminal.",
    )
    log_questions: bool = Field(
        default=False,
        description="Let questions, and what exceptions say, stand in the log, and addresses in traces.",
    )
    shutdown_seconds: float = Field(
        default=20.0,
        ge=0,
        le=3600,
        description="Seconds that answers in progress are given when the server is told to end.",
    )

    @property
    def has_llm(self) -> bool:
        """Whether answers are written by a language model: it has a name and somewhere to go."""
        return bool(self.llm_model and (self.llm_base_url or self.llm_api_key.get_secret_value()))

    def index(self) -> IndexConfig:
        """The part of the settings that the index needs."""
        return IndexConfig(
            archive=self.archive,
            chroma_url=self.chroma_url,
            embedder=self.embedder,
            query_prompt=self.query_prompt,
            passage_prompt=self.passage_prompt,
            passage_tokens=self.passage_tokens,
            batch_size=self.batch_size,
            private_networks=tuple(map(str, self.private_networks)),
            fetch_delay=self.fetch_delay,
        )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, *_sources(settings_cls).values())


def load_settings(**overrides: Any) -> Settings:
    """Read the settings; an override that is None is left out. Raises SettingsError."""
    given = {name: value for name, value in overrides.items() if value is not None}
    _check_names()
    try:
        settings = Settings(**given)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)
        )
        raise SettingsError(
            f"the settings are not valid: {problems}. `dateline config` lists every setting."
        ) from None
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"the settings in {DOTENV!r} or {str(_config_file())!r} cannot be read: {error}. "
            "Correct the file."
        ) from None
    if not settings.llm_api_key.get_secret_value():
        settings = settings.model_copy(update={"llm_api_key": SecretStr(_common_key()[1])})
    return settings


def explain_settings(**overrides: Any) -> list[tuple[str, str, str, str]]:
    """Each setting's name, value in force (secrets hidden), origin and description."""
    settings = load_settings(**overrides)
    sources = {"command line": {k: v for k, v in overrides.items() if v is not None}}
    sources |= {name: source() for name, source in _sources(Settings).items()}
    rows = []
    for name, field in Settings.model_fields.items():
        origin = next((label for label, values in sources.items() if name in values), "default")
        if name == "llm_api_key" and origin == "default":
            origin = _common_key()[0] or origin
        shown = _PASSWORD.sub("//**********@", str(getattr(settings, name)))
        rows.append((name, shown, origin, field.description or ""))
    return rows


def traces_exporter() -> str:
    """The exporter of traces that OpenTelemetry's own variables ask for; empty when they do not.

    It is the name of an entry point in the group `OTEL_EXPORTERS`.
    """
    given = {name: os.environ.get(f"OTEL_{name}", "").strip() for name in _OTEL}
    if given["SDK_DISABLED"].lower() == "true":
        return ""
    endpoint = given["EXPORTER_OTLP_TRACES_ENDPOINT"] or given["EXPORTER_OTLP_ENDPOINT"]
    exporter = given["TRACES_EXPORTER"] or ("otlp" if endpoint else "none")
    if exporter != "otlp":
        return "" if exporter == "none" else exporter
    protocol = given["EXPORTER_OTLP_TRACES_PROTOCOL"] or given["EXPORTER_OTLP_PROTOCOL"]
    return "otlp_proto_grpc" if protocol == "grpc" else "otlp_proto_http"


def _sources(settings_cls: type[BaseSettings]) -> dict[str, PydanticBaseSettingsSource]:
    config_file = _config_file()
    return {
        "environment": EnvSettingsSource(settings_cls),
        DOTENV: _OurDotEnv(settings_cls, env_file=DOTENV),
        str(config_file): TomlConfigSettingsSource(settings_cls, toml_file=config_file),
    }


class _OurDotEnv(DotEnvSettingsSource):
    """The lines of `.env` that are meant for Dateline: other programs keep theirs in it too."""

    def __call__(self) -> dict[str, Any]:
        ours = {name.lower() for name in dotenv_values(DOTENV) if name.upper().startswith(PREFIX)}
        fields = Settings.model_fields
        return {
            name: value
            for name, value in super().__call__().items()
            if name in fields or name.lower() in ours or PREFIX.lower() + name.lower() in ours
        }


def _config_file() -> Path:
    return Path(os.environ.get(CONFIG_FILE_VARIABLE, DEFAULT_CONFIG_FILE))


def _common_key() -> tuple[str, str]:
    """The key that every OpenAI client knows, and where it stands."""
    if key := os.environ.get(COMMON_KEY):
        return COMMON_KEY, key
    if key := dotenv_values(DOTENV).get(COMMON_KEY):
        return f"{COMMON_KEY} in {DOTENV}", key
    return "", ""


def _check_names() -> None:
    """pydantic-settings ignores environment variables it does not know; a typo must not pass."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {CONFIG_FILE_VARIABLE}
    unknown = sorted(
        name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known
    )
    if unknown:
        raise SettingsError(
            f"unknown setting {unknown[0]!r} in the environment: unset it, or see `dateline config`."
        )
    named = os.environ.get(CONFIG_FILE_VARIABLE)
    if named and not Path(named).is_file():
        raise SettingsError(f"the settings file {named!r} of {CONFIG_FILE_VARIABLE} does not exist.")
