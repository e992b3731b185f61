rule tables:
    input:
        unpack(table_inputs),
    output:
        expand(BASE + "/tables/{name}.csv", name=TABLES),
    log:
        BASE + "/tables/log.txt",
    params:
        folder=BASE + "/tables",
        spec=experiment_spec,
    script:
        "../workflow_scripts/tables.py"
