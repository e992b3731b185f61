rule tables:
    input:
        unpack(table_inputs),
    output:
        expand(f"{BASE}/tables/{{name}}.csv", name=TABLES),
        f"{BASE}/tables/manifest.json",
    log:
        f"{BASE}/tables/log.txt",
    conda:
        "../envs/lifelong.yaml"
    params:
        folder=tables_folder,
        spec=experiment_spec,
    script:
        "../workflow_scripts/tables.py"
