rule ground:
    input:
        anchor=ANCHOR,
    output:
        ground=f"{BASE}/ground/ground.h5",
        manifest=f"{BASE}/ground/manifest.json",
    log:
        f"{BASE}/ground/log.txt",
    benchmark:
        f"{BASE}/ground/benchmark.tsv"
    conda:
        "../envs/lifelong.yaml"
    threads: 1
    resources:
        mem_mb=memory_mb(4000),
        runtime=30,
    params:
        folder=ground_folder,
        spec=ground_spec,
    script:
        "../workflow_scripts/ground.py"
