checkpoint expand:
    input:
        unpack(inputs_of("expand")),
    output:
        record=f"{TASK}/expand/a{{attempt}}/record.csv",
        candidate=f"{TASK}/expand/a{{attempt}}/candidate.h5",
        manifest=f"{TASK}/expand/a{{attempt}}/manifest.json",
    log:
        f"{TASK}/expand/a{{attempt}}/log.txt",
    benchmark:
        f"{TASK}/expand/a{{attempt}}/benchmark.tsv"
    conda:
        "../envs/lifelong.yaml"
    threads: threads_of("expand")
    resources:
        mem_mb=memory_mb(6000),
        runtime=240,
    params:
        folder=folder_of("expand"),
        spec=spec_of("expand"),
    script:
        "../workflow_scripts/expand.py"
