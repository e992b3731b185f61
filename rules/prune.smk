rule prune:
    input:
        unpack(grown_inputs_of("prune")),
    output:
        manifest=TASK + "/prune/manifest.json",
        record=TASK + "/prune/record.csv",
    log:
        TASK + "/prune/log.txt",
    benchmark:
        TASK + "/prune/benchmark.tsv"
    threads: 1
    resources:
        mem_mb=6000,
        runtime=480,
    params:
        folder=folder_of("prune"),
        spec=spec_of("prune"),
    script:
        "../workflow_scripts/prune.py"
