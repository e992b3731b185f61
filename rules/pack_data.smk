rule pack_data:
    output:
        manifest=BASE + "/pack_data/{dataset}/manifest.json",
        pack=BASE + "/pack_data/{dataset}/pack.h5",
    log:
        BASE + "/pack_data/{dataset}/log.txt",
    benchmark:
        BASE + "/pack_data/{dataset}/benchmark.tsv"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        folder=pack_folder,
        spec=pack_spec,
    script:
        "../workflow_scripts/pack_data.py"
