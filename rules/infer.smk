rule infer:
    input:
        unpack(inputs_of("infer")),
    output:
        record=f"{TASK}/infer/record.csv",
        logits=f"{TASK}/infer/logits.h5",
        confusion=f"{TASK}/infer/confusion.csv",
        mistakes=f"{TASK}/infer/mistakes.csv",
        manifest=f"{TASK}/infer/manifest.json",
    log:
        f"{TASK}/infer/log.txt",
    benchmark:
        f"{TASK}/infer/benchmark.tsv"
    conda:
        "../envs/lifelong.yaml"
    threads: 1
    resources:
        mem_mb=memory_mb(6000),
        runtime=60,
    params:
        folder=folder_of("infer"),
        spec=spec_of("infer"),
    script:
        "../workflow_scripts/infer.py"
