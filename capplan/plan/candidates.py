"""The layouts that a scenario leaves open, as one array."""

import itertools
from dataclasses import replace

import numpy as np

from capplan.catalog.architecture import Architecture
from capplan.engine.layout import Layout
from capplan.plan.deployment import Deployment
from capplan.scenario.serving import PrefillPool, Serving

# Tensor parallelism is searched inside the scale-up domain, pipeline stages across up to this many nodes.
_MOST_STAGES = 8
MOST_TENSOR = 16


def layouts(serving: Serving, deployment: Deployment) -> Layout:
    """Every combination of degrees that the scenario allows and the model's heads divide into; arrays of one length.

    Degrees that are given are taken as they are, whether they suit the model or not. Disaggregated, every layout for
    decode is combined with every one for prefill.
    """
    own = _combined(serving, deployment)
    if not serving.disaggregated:
        return own
    return paired(own, prefill_layouts(serving, deployment))


def prefill_layouts(serving: Serving, deployment: Deployment) -> Layout:
    """Every layout of the pool that reads prompts."""
    return _combined(serving.prefill or PrefillPool(), deployment)


def paired(decode: Layout, prefill: Layout) -> Layout:
    """Each layout for decode with each one for prefill."""
    ours, theirs = len(decode.tensor), len(prefill.tensor)
    return replace(
        decode.take(np.repeat(np.arange(ours), theirs)), prefill=prefill.take(np.tile(np.arange(theirs), ours))
    )


def _combined(asked: Serving | PrefillPool, deployment: Deployment) -> Layout:
    arch, chip = deployment.model.architecture, deployment.accelerator
    domain = min(chip.scale_up_gpus, MOST_TENSOR)
    tensors = _given(asked.tensor_parallel) or tensor_degrees(arch, domain)
    stages = _given(asked.pipeline_parallel) or [s for s in (1, 2, 4, _MOST_STAGES) if s <= arch.layers]
    ranks = _given(asked.attention_data_parallel) or _attention_ranks(arch, domain)
    made = []
    for tensor, stage, rank in itertools.product(tensors, stages, ranks):
        # More than one stage only where a whole scale-up domain is used: stages cross nodes, tensors do not.
        if asked.pipeline_parallel == "auto" and stage > 1 and tensor * rank < domain:
            continue
        if asked.attention_data_parallel == "auto" and rank > 1 and tensor * rank > domain:
            continue
        experts = _given(asked.expert_parallel) or [tensor * rank if arch.moe and rank > 1 else 1]
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
