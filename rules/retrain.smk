rule retrain:
    input:
        unpack(grown_inputs_of("retrain")),
    output:
        manifest=TASK + "/retrain/manifest.json",
        record=TASK + "/retrain/record.csv",
        shard=TASK + "/retrain/shard.h5",
    log:
        TASK + "/retrain/log.txt",
    benchmark:
        TASK + "/retrain/benchmark.tsv"
    threads: 1
    resources:
        mem_mb=6000,
        runtime=240,
    params:
        folder=folder_of("retrain"),
        spec=spec_of("retrain"),
    script:
        "../workflow_scripts/retrain.py"
