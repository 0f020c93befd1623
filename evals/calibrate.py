"""Estimate the coefficients of `rag/abstain.py`.

    python -m evals.calibrate XQUAD_FOLDER [--seeds 3]

A logistic regression on what retrieval saw (`rag.abstain.features`). The cases are the questions of
XQuAD's first 120 paragraphs, asked of archives of those paragraphs with half of them removed: each
language alone, each asked in another, and all languages mixed; answerable are those whose paragraph
is there. Each kind of archive weighs the same. Prints the coefficients, and the area under the ROC
curve on the other 120 paragraphs.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from evals.retrieval import evidence_with_gaps
from evals.statistics import SEED
from evals.xquad import CachingEmbedder, read_parallel
from index.config import IndexConfig
from index.errors import UserFixableError

NAMES = ("BEST", "LEAD", "WORDS", "SAME_LANGUAGE")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder with xquad.LANGUAGE.json files")
    parser.add_argument("--seeds", type=int, default=3, help="draws of removed paragraphs (default 3)")
    arguments = parser.parse_args()
    try:
        data = read_parallel(arguments.folder)
    except UserFixableError as error:
        print(f"evals.calibrate: error: {error}", file=sys.stderr)
        sys.exit(2)
    embedder = CachingEmbedder(IndexConfig(archive=Path()))
    first = {language: data.half(language, second=False) for language in data.languages}
    features, truth = [], []
    for seed in range(arguments.seeds):
        for _, _, found, there in evidence_with_gaps(data, first, embedder, second=False, seed=seed):
            features += [evidence.features for evidence in found]
            truth += there
    model = LogisticRegression(C=100.0, max_iter=1000).fit(np.array(features), np.array(truth))
    for name, value in zip((*NAMES, "INTERCEPT"), (*model.coef_[0], model.intercept_[0]), strict=True):
        print(f"{name} = {value:.3f}")
    second = {language: data.half(language, second=True) for language in data.languages}
    for archive, language, found, there in evidence_with_gaps(
        data, second, embedder, second=True, seed=SEED
    ):
        judged = model.predict_proba(np.array([evidence.features for evidence in found]))[:, 1]
        print(f"{language} on {archive}: area under the ROC curve {roc_auc_score(there, judged):.3f}")


if __name__ == "__main__":
    main()
