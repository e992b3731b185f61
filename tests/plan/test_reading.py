"""What is read of YAML files and of words that were typed."""

import pytest

from lifelong.plan.errors import ConfigError
from lifelong.plan.reading import check_once


def test_configuration_files_are_given_once():
    check_once(["--cores", "1", "--configfile", "a.yaml", "b.yaml"])
    for again in (["--configfile", "b.yaml"], ["--configfile=b.yaml"], ["--configfiles", "b.yaml"]):
        with pytest.raises(ConfigError, match="--configfile is given twice"):
            check_once(["--configfile", "a.yaml", *again])
