"""Face verification as a table for people, in percent."""

import pandas as pd

ABOUT = (
    "Pairs of faces, by the protocol of LFW: the accuracy is the mean over its folds, each judged "
    "with the threshold that does best on the others. The spread over folds is the population "
    "deviation, which papers print; the standard error is what the authors of LFW ask for. "
    "TAR: pairs of one person accepted, at a threshold that accepts at most the stated share of "
    "the other folds' pairs of two people. FAR: the share of such pairs it accepted where tested. "
    "Let in rightly: exactly the pairs of one person who shows the expression that was asked for."
)


def in_percent(means: pd.DataFrame) -> pd.DataFrame:
    """The table of `records.verification.mean_over_seeds` in percent, with names for people."""
    targets = ", ".join(f"{100 * one:g}" for one in sorted(means["far_target"].unique()))
    names = {
        "accuracy": "accuracy %",
        "accuracy_std": "± over seeds",
        "std_population": "spread over folds",
        "standard_error": "standard error",
        "accuracy_separate": "separate network %",
        "accuracy_difference": "difference %",
        "auc": "AUC %",
        "equal_error_rate": "equal error %",
        "tar": f"TAR % at FAR {targets} %",
        "far": "FAR % measured",
    }
    more = {
        "joint_decision": "let in rightly %",
        "both_ok": "face and expression right %",
        "legacy_xnor": "the same, or both wrong %",
        "expression_ok": "expression right %",
    }
    names |= {name: shown for name, shown in more.items() if name in means}
    if not (means["seeds"] > 1).any():
        del names["accuracy_std"]
    shown = 100 * means[list(names)].astype(float)
    return pd.concat([means[["task", "method", "networks"]], shown.rename(columns=names)], axis=1)
