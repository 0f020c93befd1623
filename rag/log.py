"""Logging setup, called only by entry points: our lines at the level of the settings, to stderr."""

import logging
import os
import sys
import warnings

OURS = ("index", "rag", "ui", "evals")
# Read by the libraries when they are imported. Whoever set one of them keeps it.
_QUIET = {
    "ANONYMIZED_TELEMETRY": "False",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
}


def set_up_logging(level: str) -> None:
    """Show our log lines from `level` up, and of other libraries only warnings and worse."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    if not sys.stderr.isatty():
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    logging.basicConfig(
        level=max(logging.WARNING, logging.getLevelNamesMapping()[level]),
        format="%(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
        force=True,
    )
    for name in OURS:
        logging.getLogger(name).setLevel(level)
    if level != "DEBUG" and not sys.warnoptions:
        # Deprecations inside other libraries are nothing the reader of an answer can act on.
        warnings.simplefilter("ignore")
