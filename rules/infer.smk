rule infer:
    input:
        unpack(inputs_of("infer")),
    output:
        manifest=TASK + "/infer/manifest.json",
        record=TASK + "/infer/record.csv",
        logits=TASK + "/infer/logits.h5",
    log:
        TASK + "/infer/log.txt",
    benchmark:
        TASK + "/infer/benchmark.tsv"
    threads: 1
    resources:
        mem_mb=6000,
        runtime=60,
    params:
        folder=folder_of("infer"),
        spec=spec_of("infer"),
    script:
        "../workflow_scripts/infer.py"
