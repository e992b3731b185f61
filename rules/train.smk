checkpoint train:
    input:
        unpack(inputs_of("train")),
    output:
        record=f"{TASK}/train/record.csv",
        candidate=f"{TASK}/train/candidate.h5",
        manifest=f"{TASK}/train/manifest.json",
    log:
        f"{TASK}/train/log.txt",
    benchmark:
        f"{TASK}/train/benchmark.tsv"
    conda:
        "../envs/lifelong.yaml"
    threads: threads_of("train")
    resources:
        mem_mb=memory_mb(6000),
        runtime=240,
    params:
        folder=folder_of("train"),
        spec=spec_of("train"),
    script:
        "../workflow_scripts/train.py"
