"""The layouts that a scenario leaves open, as one array."""

import itertools

import numpy as np

from capplan.catalog.architecture import Architecture
from capplan.engine.layout import Layout
from capplan.plan.deployment import Deployment
from capplan.scenario.serving import Serving

# Tensor parallelism is searched inside the scale-up domain, pipeline stages across up to this many nodes.
_MOST_STAGES = 8
MOST_TENSOR = 16


def layouts(serving: Serving, deployment: Deployment) -> Layout:
    """Every combination of degrees that the scenario allows and the model's heads divide into; arrays of one length.

    Degrees that are given are taken as they are, whether they suit the model or not.
    """
    arch, chip = deployment.model.architecture, deployment.accelerator
    domain = min(chip.scale_up_gpus, MOST_TENSOR)
    tensors = _given(serving.tensor_parallel) or tensor_degrees(arch, domain)
    stages = _given(serving.pipeline_parallel) or [s for s in (1, 2, 4, _MOST_STAGES) if s <= arch.layers]
    ranks = _given(serving.attention_data_parallel) or _attention_ranks(arch, domain)
    made = []
    for tensor, stage, rank in itertools.product(tensors, stages, ranks):
        # More than one stage only where a whole scale-up domain is used: stages cross nodes, tensors do not.
        if serving.pipeline_parallel == "auto" and stage > 1 and tensor * rank < domain:
            continue
        if serving.attention_data_parallel == "auto" and rank > 1 and tensor * rank > domain:
            continue
        experts = _given(serving.expert_parallel) or [tensor * rank if arch.moe and rank > 1 else 1]
        made += [(tensor, stage, expert, rank) for expert in experts]
    columns = np.array(made, dtype=np.float64).T
    return Layout(tensor=columns[0], pipeline=columns[1], expert=columns[2], attention_data=columns[3])


def _given(degree: object) -> list[int]:
    return [degree] if isinstance(degree, int) else []


def tensor_degrees(arch: Architecture, domain: int) -> list[int]:
    """Powers of two up to the scale-up domain that divide every attention group's heads."""
    heads = [group.heads for group in arch.attention] or [arch.hidden]
    return [t for t in (1, 2, 4, 8, 16) if t <= domain and all(h % t == 0 for h in heads)] or [1]


def _attention_ranks(arch: Architecture, domain: int) -> list[int]:
    """Attention data parallelism pays where tensor parallelism would replicate the cache: latent attention over MoE."""
    latent = any(group.mla for group in arch.attention)
    return [1] if not (latent and arch.moe) else [r for r in (1, 2, 4, 8) if r <= domain]
