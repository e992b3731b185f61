rule align_faces:
    input:
        anchor=ANCHOR,
    output:
        faces=f"{BASE}/align_faces/{{dataset}}/{{shard}}/faces.h5",
        photos=f"{BASE}/align_faces/{{dataset}}/{{shard}}/photos.csv",
        manifest=f"{BASE}/align_faces/{{dataset}}/{{shard}}/manifest.json",
    log:
        f"{BASE}/align_faces/{{dataset}}/{{shard}}/log.txt",
    benchmark:
        f"{BASE}/align_faces/{{dataset}}/{{shard}}/benchmark.tsv"
    conda:
        "../envs/lifelong.yaml"
    threads: 1
    resources:
        mem_mb=memory_mb(6000),
        runtime=240,
    params:
        folder=faces_folder,
        spec=faces_spec,
    script:
        "../workflow_scripts/align_faces.py"
