"""One file a method: what the paper says, and nothing else."""

from lifelong.methods.apd import APD, APD_REPO
from lifelong.methods.base import LayerMethod, Method
from lifelong.methods.brute import BRUTE_DFCNN, BRUTE_HPS, BRUTE_TF
from lifelong.methods.cpg import CPG
from lifelong.methods.darts import DARTS_DFCNN, DARTS_HPS
from lifelong.methods.den import DEN
from lifelong.methods.dfcnn import DFCNN
from lifelong.methods.finetune import FINETUNE
from lifelong.methods.gated import GATED, GATED_REPO
from lifelong.methods.hps import HPS
from lifelong.methods.lasem import LASEM_DFCNN, LASEM_HPS, LASEM_TF
from lifelong.methods.packnet import PACKNET
from lifelong.methods.pae import PAE
from lifelong.methods.progressive import PROGRESSIVE
from lifelong.methods.scratch import SCRATCH
from lifelong.methods.snn import SNN
from lifelong.methods.stl import STL
from lifelong.methods.tf import TF

METHODS: dict[str, Method] = {
    "scratch": SCRATCH,
    "finetune": FINETUNE,
    "packnet": PACKNET,
    "pae": PAE,
    "cpg": CPG,
}
LAYER_METHODS: dict[str, LayerMethod] = {
    "stl": STL,
    "snn": SNN,
    "hps": HPS,
    "tf": TF,
    "dfcnn": DFCNN,
    "lasem_hps": LASEM_HPS,
    "lasem_tf": LASEM_TF,
    "lasem_dfcnn": LASEM_DFCNN,
    "brute_hps": BRUTE_HPS,
    "brute_tf": BRUTE_TF,
    "brute_dfcnn": BRUTE_DFCNN,
    "progressive": PROGRESSIVE,
    "den": DEN,
    "darts_hps": DARTS_HPS,
    "darts_dfcnn": DARTS_DFCNN,
    "apd": APD,
    "apd_repo": APD_REPO,
    "gated": GATED,
    "gated_repo": GATED_REPO,
}

__all__ = ["LAYER_METHODS", "METHODS", "LayerMethod", "Method"]
