rule report:
    input:
        unpack(overview_inputs_of("report")),
    output:
        report(
            f"{BASE}/report/index.html",
            caption="../report/page.rst",
            category="Overview",
            labels={"what": "the whole page"},
        ),
        report(
            f"{BASE}/report/tables.html",
            caption="../report/tables.rst",
            category="Overview",
            labels={"what": "all tables"},
        ),
        report(
            f"{BASE}/report/accuracy_against_size.svg",
            caption="../report/size.rst",
            category="Overview",
            labels={"what": "accuracy against size"},
        ),
        [
            report(
                f"{BASE}/report/{figure}-{method}.svg",
                caption=f"../report/{figure}.rst",
                category="Figures",
                subcategory=figure.replace("_", " "),
                labels={"method": method},
            )
            for figure, method in figures(PLAN)
        ],
        f"{BASE}/report/manifest.json",
    log:
        f"{BASE}/report/log.txt",
    conda:
        "../envs/lifelong.yaml"
    params:
        folder=overview_folder_of("report"),
        spec=overview_spec_of("report"),
    script:
        "../workflow_scripts/report.py"
