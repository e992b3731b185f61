rule retrain:
    input:
        unpack(inputs_of("retrain")),
        unpack(grown_inputs_of("retrain")),
    output:
        record=f"{TASK}/retrain/record.csv",
        shard=f"{TASK}/retrain/shard.h5",
        manifest=f"{TASK}/retrain/manifest.json",
    log:
        f"{TASK}/retrain/log.txt",
    benchmark:
        f"{TASK}/retrain/benchmark.tsv"
    conda:
        "../envs/lifelong.yaml"
    threads: threads_of("retrain")
    resources:
        mem_mb=memory_mb(6000),
        runtime=240,
    params:
        folder=folder_of("retrain"),
        spec=spec_of("retrain"),
    script:
        "../workflow_scripts/retrain.py"
