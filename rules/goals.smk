checkpoint goals:
    input:
        unpack(inputs_of("goals")),
        anchor=ANCHOR,
    output:
        goal=f"{TASK}/goals/goal.json",
        manifest=f"{TASK}/goals/manifest.json",
    log:
        f"{TASK}/goals/log.txt",
    conda:
        "../envs/lifelong.yaml"
    params:
        folder=folder_of("goals"),
        spec=spec_of("goals"),
    script:
        "../workflow_scripts/goals.py"
