rule baseline:
    input:
        unpack(inputs_of("baseline")),
    output:
        manifest=TASK + "/baseline/manifest.json",
        record=TASK + "/baseline/record.csv",
        shard=TASK + "/baseline/shard.h5",
    log:
        TASK + "/baseline/log.txt",
    benchmark:
        TASK + "/baseline/benchmark.tsv"
    threads: 1
    resources:
        mem_mb=6000,
        runtime=240,
    params:
        folder=folder_of("baseline"),
        spec=spec_of("baseline"),
    script:
        "../workflow_scripts/baseline.py"
