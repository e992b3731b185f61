rule select:
    input:
        unpack(inputs_of("select")),
    output:
        selected=f"{TASK}/select/selected.json",
        record=f"{TASK}/select/record.csv",
        manifest=f"{TASK}/select/manifest.json",
    log:
        f"{TASK}/select/log.txt",
    conda:
        "../envs/lifelong.yaml"
    params:
        folder=folder_of("select"),
        spec=spec_of("select"),
    script:
        "../workflow_scripts/select.py"
