rule pack_data:
    input:
        unpack(pack_inputs),
        anchor=ANCHOR,
    output:
        pack=f"{BASE}/pack_data/{{dataset}}/pack.h5",
        manifest=f"{BASE}/pack_data/{{dataset}}/manifest.json",
    log:
        f"{BASE}/pack_data/{{dataset}}/log.txt",
    benchmark:
        f"{BASE}/pack_data/{{dataset}}/benchmark.tsv"
    conda:
        "../envs/lifelong.yaml"
    threads: 4
    resources:
        mem_mb=memory_mb(4000),
        runtime=60,
    params:
        folder=pack_folder,
        spec=pack_spec,
    script:
        "../workflow_scripts/pack_data.py"
