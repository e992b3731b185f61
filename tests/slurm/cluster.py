"""A SLURM of one node on loopback, for tests: munged, slurmctld and slurmd in one folder.

`python tests/slurm/cluster.py COMMAND...` runs a command beside one. Needs no root, only
the programs of Debian's packages slurmctld, slurmd, slurm-client and munge.
"""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "srun")
_SBIN = "/usr/sbin:/sbin"  # not on every user's PATH
_GPUS = ("/dev/null", "/dev/zero")  # any character devices do: jobs get CUDA_VISIBLE_DEVICES
_DIES_WITH_US = ("setpriv", "--pdeathsig", "TERM")
_CONFIG = """\
ClusterName=test
SlurmctldHost={node}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
AccountingStorageType=accounting_storage/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=2
JobAcctGatherParams=OverMemoryKill
MailProg=/bin/true
# Snakemake asks squeue for jobs that have ended
MinJobAge=3600
# a request that can never be met fails at sbatch, instead of waiting for ever
EnforcePartLimits=ALL
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=bf_interval=2,sched_interval=5
KillWait=3
ReturnToService=2
SlurmdParameters=config_overrides
PropagateResourceLimits=NONE
GresTypes=gpu
NodeName={node} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory_mb} Gres=gpu:{gpus}
PartitionName=cpu Nodes={node} Default=YES DefaultTime=60 DefMemPerCPU=500
PartitionName=gpu Nodes={node} DefaultTime=60 DefMemPerCPU=500
"""


def missing() -> list[str]:
    """The programs a cluster needs that are not installed."""
    return [name for name in PROGRAMS if _program(name) is None]


class Cluster:
    """Started by `with`; `environment` is what a program needs to find it."""

    def __init__(self, cpus: int = 4, memory_mb: int = 40_000) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))  # sockets want it short
        self.folder.chmod(0o755)
        self.node, self._prefix = _node()
        self.cpus, self.memory_mb = cpus, memory_mb
        self._daemons: list[subprocess.Popen[bytes]] = []
        path = f"{self.folder}/bin:{os.environ['PATH']}:{_SBIN}"
        self.environment = {**os.environ, "SLURM_CONF": f"{self.folder}/slurm.conf", "PATH": path}

    def __enter__(self) -> "Cluster":
        try:
            self._write_files()
            socket_path = self.folder / "munge.socket"
            self._start("munged", "--foreground", "--force", *self._munge_files(socket_path))
            self._wait("munged", socket_path.exists)
            self._start("slurmctld", "-D", "-c", "-i")
            self._start("slurmd", "-D")
            self._wait("slurmd", lambda: self._said("sinfo", "-h", "-o", "%t").startswith("idle"))
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Cancel every job, end the daemons started here, remove the folder."""
        if len(self._daemons) == 3:
            self._end_jobs()
        for daemon in reversed(self._daemons):
            daemon.terminate()
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        self._daemons.clear()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *command: str) -> str:
        """What a client program of SLURM says; it must succeed."""
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=30
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    def state(self, job: str) -> str:
        """Such as RUNNING or COMPLETED."""
        return self.run("squeue", "--states=all", "-h", "-j", job, "-o", "%T").strip()

    def _write_files(self) -> None:
        for name in ("state", "spool", "bin"):
            (self.folder / name).mkdir()
        config = _CONFIG.format(
            node=self.node,
            ports=_free_ports(2),
            user=_user(),
            folder=self.folder,
            cpus=self.cpus,
            memory_mb=self.memory_mb,
            gpus=len(_GPUS),
        )
        (self.folder / "slurm.conf").write_text(config)
        gres = f"AutoDetect=off\nNodeName={self.node} Name=gpu File={','.join(_GPUS)}\n"
        (self.folder / "gres.conf").write_text(gres)
        if _version() >= (23, 11):  # sets up cgroups even where no plugin uses them
            (self.folder / "cgroup.conf").write_text("CgroupPlugin=disabled\n")
        key = self.folder / "munge.key"
        key.touch(0o600)
        key.write_bytes(secrets.token_bytes(128))
        # Snakemake forgets SLURM_CONF before it calls srun inside a job.
        srun = self.folder / "bin" / "srun"
        conf = self.environment["SLURM_CONF"]
        srun.write_text(f'#!/bin/sh\nSLURM_CONF={conf} exec {_program("srun")} "$@"\n')
        srun.chmod(0o755)

    def _munge_files(self, socket_path: Path) -> list[str]:
        names = {"key-file": "munge.key", "pid-file": "munge.pid", "seed-file": "munge.seed"}
        options = [f"--{name}={self.folder / file}" for name, file in names.items()]
        return [*options, f"--socket={socket_path}", "--num-threads=2", "--origin=127.0.0.1"]

    def _start(self, name: str, *options: str) -> None:
        command = [*self._prefix, *_DIES_WITH_US, str(_program(name)), *options]
        with (self.folder / f"{name}.log").open("wb") as log:
            daemon = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._daemons.append(daemon)

    def _wait(self, name: str, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 30
        while not ready():
            if self._daemons[-1].poll() is not None or time.monotonic() > deadline:
                said = (self.folder / f"{name}.log").read_text()
                raise RuntimeError(f"{name} did not start: {said[-2000:]}")
            time.sleep(0.05)

    def _said(self, *command: str) -> str:
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=30
        ).stdout

    def _end_jobs(self) -> None:
        self._said("scancel", "--user", _user())
        deadline = time.monotonic() + 20
        while self._said("squeue", "-h") and time.monotonic() < deadline:
            time.sleep(0.1)


def _node() -> tuple[str, list[str]]:
    """The node's name, and what makes a daemon take it for the name of the host.

    The daemons listen where the host's name leads. If that is not 127.0.0.1 they get a name
    that does, in a namespace of their own.
    """
    name = os.uname().nodename.split(".")[0]
    try:
        if socket.gethostbyname(name) == "127.0.0.1":
            return name, []
    except OSError:
        pass
    user = [] if os.geteuid() == 0 else ["--user", "--map-current-user", "--keep-caps"]
    rename = ["sh", "-c", 'hostname localhost && exec "$0" "$@"']
    return "localhost", ["unshare", "--uts", *user, *rename]


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in sockets]
    for server in sockets:
        server.close()
    return ports


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ['PATH']}:{_SBIN}")


def _version() -> tuple[int, ...]:
    said = subprocess.run([str(_program("slurmd")), "-V"], capture_output=True, text=True).stdout
    return tuple(int(part) for part in said.split()[1].split(".")[:2])


def _user() -> str:
    return subprocess.run(["id", "-un"], capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    with Cluster() as cluster:
        sys.exit(subprocess.run(sys.argv[1:], env=cluster.environment).returncode)
