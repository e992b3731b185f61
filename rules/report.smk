rule report:
    input:
        unpack(report_inputs),
    output:
        report(
            BASE + "/report/index.html",
            caption="../report/page.rst",
            category="lifelong",
        ),
        report(
            BASE + "/report/accuracy_against_size.svg",
            caption="../report/size.rst",
            category="lifelong",
        ),
    log:
        BASE + "/report/log.txt",
    params:
        folder=BASE + "/report",
        spec=experiment_spec,
    script:
        "../workflow_scripts/report.py"
