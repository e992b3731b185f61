"""Numbers of a table as people read them."""

import pandas as pd


def as_cells(frame: pd.DataFrame) -> pd.DataFrame:
    """The same table in texts, as people read it: percent with one decimal, MB with two."""
    shown = {name: _texts(name, frame[name]) for name in frame.columns}
    return pd.DataFrame({_label(name): texts for name, texts in shown.items()}, dtype=str)


def is_number(column: pd.Series) -> bool:
    """Whether the column is to be aligned right."""
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _label(name: str) -> str:
    return f"{name} %" if _is_accuracy(name) else name


def _is_accuracy(name: str) -> bool:
    if "%" in name:  # in percent already
        return False
    return "accuracy" in name or name in ("goal", "forgetting_mean", "bwt")


def _texts(name: str, column: pd.Series) -> list[str]:
    if _is_accuracy(name):
        return [_number(100 * value, 1) for value in column]
    if pd.api.types.is_float_dtype(column):
        tenths = name.endswith("_percent") or name in ("ours_std", "difference")
        return [_number(value, 1 if tenths else 2) for value in column]
    if pd.api.types.is_bool_dtype(column):
        column = column.astype("object").map({True: "yes", False: "no"})
    return ["-" if pd.isna(value) else str(value) for value in column]


def _number(value: float, decimals: int) -> str:
    # Adding zero turns the -0.0 of a rounded tiny loss into 0.0.
    return "-" if pd.isna(value) else f"{round(value, decimals) + 0.0:.{decimals}f}"
