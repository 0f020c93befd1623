"""The bundled model, loaded by the process that others are forked from; nothing else imports this."""

import torch

import index.embed
from index.config import BUNDLED_EMBEDDER

# A fork inherits no threads, and would wait for those that torch had started here.
torch.set_num_threads(1)
MODEL = index.embed._load(BUNDLED_EMBEDDER)
