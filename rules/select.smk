rule select:
    input:
        unpack(inputs_of("select")),
    output:
        selected=TASK + "/select/selected.json",
        record=TASK + "/select/record.csv",
    log:
        TASK + "/select/log.txt",
    params:
        folder=folder_of("select"),
        spec=spec_of("select"),
    script:
        "../workflow_scripts/select.py"
