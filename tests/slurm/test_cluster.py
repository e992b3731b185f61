"""The cluster of the tests itself: it starts anywhere, runs jobs, and leaves nothing behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CLUSTER = Path(__file__).with_name("cluster.py")
JOB = (
    "sbatch --gpus=1 --wait --output=job.txt --wrap 'echo GPU $CUDA_VISIBLE_DEVICES' && cat job.txt"
)


@pytest.mark.parametrize(
    "prefix", [[], ["unshare", "--uts", "sh", "-c", "hostname nowhere; $0 $@"]]
)
def test_a_job_runs_and_nothing_stays(tmp_path, prefix):
    if prefix and os.geteuid() != 0:
        pytest.skip("only root may change the name of the host")
    said = subprocess.run(
        [*prefix, sys.executable, str(CLUSTER), "env", "--", "bash", str(_script(tmp_path))],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert said.returncode == 0, said.stderr
    folder = Path(said.stdout.splitlines()[0]).parent
    assert "GPU 0" in said.stdout
    assert folder.name.startswith("slurm-") and not folder.exists()
    assert not [path for path in Path("/proc").glob("[0-9]*") if str(folder) in _environment(path)]


def _script(folder: Path) -> Path:
    """Says where the configuration is, then runs a job that asks for a GPU."""
    script = folder / "job.sh"
    script.write_text(f"echo $SLURM_CONF\n{JOB}\n")
    return script


def _environment(process: Path) -> str:
    try:
        return (process / "environ").read_bytes().decode(errors="replace")
    except OSError:
        return ""
