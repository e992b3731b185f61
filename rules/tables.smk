rule tables:
    input:
        unpack(overview_inputs_of("tables")),
    output:
        expand(f"{BASE}/tables/{{name}}.csv", name=TABLES),
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
