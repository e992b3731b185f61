rule tables:
    input:
        unpack(overview_inputs_of("tables")),
    output:
        [
            report(
                f"{BASE}/tables/{name}.csv",
                caption="../report/csv.rst",
                category="Tables",
                labels={"table": name},
            )
            for name in TABLES
        ],
        f"{BASE}/tables/manifest.json",
    log:
        f"{BASE}/tables/log.txt",
    conda:
        "../envs/lifelong.yaml"
    params:
        folder=overview_folder_of("tables"),
        spec=overview_spec_of("tables"),
    script:
        "../workflow_scripts/tables.py"
