"""What tests of stepping draw by chance."""

import numpy as np

from capplan.engine.steptimes import StepTimes


def step_times(rng: np.random.Generator, longest: int) -> StepTimes:
    """A replica of 1 to 11 seats, whose KV cache holds the longest request and little to much more."""
    sequences = int(rng.integers(1, 12))
    return StepTimes(
        decode_base_s=(float(rng.random() * 0.005), *(0.01 + 0.001 * n for n in range(1, sequences + 1))),
        decode_slope_s_per_token=(float(rng.choice([0, 1e-5])),) * (sequences + 1),
        prefill_fixed_s=0.001,
        prefill_s_per_token=float(1e-4 * rng.random()),
        prefill_s_per_token_context=float(1e-7 * rng.random()),
        kv_capacity_tokens=int((longest + 16) * rng.choice([1.0, 1.5, 3, 50])),
        kv_block_tokens=int(rng.choice([1, 4, 16])),
        max_batched_tokens=sequences + int(rng.choice([1, 30, 100, 2000])),
        swap_s_per_token=1e-5,
        request_s=float(rng.choice([0, 0.004])),
        arrival_s=float(rng.choice([0, 0.03])),
    )
