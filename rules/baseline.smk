rule baseline:
    input:
        unpack(inputs_of("baseline")),
    output:
        record=f"{TASK}/baseline/record.csv",
        shard=f"{TASK}/baseline/shard.h5",
        manifest=f"{TASK}/baseline/manifest.json",
    log:
        f"{TASK}/baseline/log.txt",
    benchmark:
        f"{TASK}/baseline/benchmark.tsv"
    conda:
        "../envs/lifelong.yaml"
    threads: threads_of("baseline")
    resources:
        mem_mb=memory_mb(6000),
        runtime=240,
    params:
        folder=folder_of("baseline"),
        spec=spec_of("baseline"),
    script:
        "../workflow_scripts/baseline.py"
