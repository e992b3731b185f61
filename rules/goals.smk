checkpoint goals:
    input:
        unpack(inputs_of("goals")),
    output:
        TASK + "/goals/goal.json",
    log:
        TASK + "/goals/log.txt",
    params:
        folder=folder_of("goals"),
        spec=spec_of("goals"),
    script:
        "../workflow_scripts/goals.py"
