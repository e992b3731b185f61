"""A page of the report with next to nothing on it, to which tests add what they look at."""

from typing import Any

from lifelong.report.page import Line, Page, PageTable, TableColumn


def toy_page(**more: Any) -> Page:
    columns = [TableColumn("method", ""), TableColumn("average", "mean test accuracy", True)]
    results = PageTable(columns, [Line("cpg", ["79.5 ± 0.3"])])
    facts = {"title": "t", "protocol": "clean", "lede": "One.", "results_about": "In percent."}
    return Page(**{**facts, "results": results, **more})
