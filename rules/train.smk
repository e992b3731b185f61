checkpoint train:
    input:
        unpack(inputs_of("train")),
    output:
        manifest=TASK + "/train/manifest.json",
        record=TASK + "/train/record.csv",
        candidate=TASK + "/train/candidate.h5",
    log:
        TASK + "/train/log.txt",
    benchmark:
        TASK + "/train/benchmark.tsv"
    threads: 1
    resources:
        mem_mb=6000,
        runtime=240,
    params:
        folder=folder_of("train"),
        spec=spec_of("train"),
    script:
        "../workflow_scripts/train.py"
