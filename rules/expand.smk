checkpoint expand:
    input:
        unpack(inputs_of("expand")),
    output:
        manifest=TASK + "/expand/a{attempt}/manifest.json",
        record=TASK + "/expand/a{attempt}/record.csv",
        candidate=TASK + "/expand/a{attempt}/candidate.h5",
    log:
        TASK + "/expand/a{attempt}/log.txt",
    benchmark:
        TASK + "/expand/a{attempt}/benchmark.tsv"
    threads: 1
    resources:
        mem_mb=6000,
        runtime=240,
    params:
        folder=folder_of("expand"),
        spec=spec_of("expand"),
    script:
        "../workflow_scripts/expand.py"
