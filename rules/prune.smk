rule prune:
    input:
        unpack(inputs_of("prune")),
        unpack(grown_inputs_of("prune")),
    output:
        record=f"{TASK}/prune/record.csv",
        manifest=f"{TASK}/prune/manifest.json",
    log:
        f"{TASK}/prune/log.txt",
    benchmark:
        f"{TASK}/prune/benchmark.tsv"
    conda:
        "../envs/lifelong.yaml"
    threads: threads_of("prune")
    resources:
        mem_mb=memory_mb(6000),
        runtime=480,
    params:
        folder=folder_of("prune"),
        spec=grown_spec_of("prune"),
    script:
        "../workflow_scripts/prune.py"
