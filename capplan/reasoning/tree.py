"""Search over steps: levels of nodes written side by side, each judged before the next level begins."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from capplan.reasoning.demand import Demand
from capplan.reasoning.longest import longest_factor
from capplan.reasoning.normal import Array, Values
from capplan.reasoning.options import Options, Query
from capplan.reasoning.rounds import PROMPT, Drawn, Piece, Round, budgeted, judgements, one, thoughts, whole
from capplan.reasoning.verification import ITSELF, nodes


@dataclass(frozen=True)
class Shape:
    """A search: `first` nodes on its first level, `wide` on each of the later ones, `levels` in turn.

    path_steps: steps of the path that becomes the answer. On the later levels, on average and in steps: above_steps lie
    between the prompt and a new node; held_steps stay in the cache beside what is being written. peak_steps: most held.
    """

    first: Values
    wide: Values
    levels: Values
    path_steps: Values
    above_steps: Values
    held_steps: Values
    peak_steps: Values


def downward(first: Values, wide: Values, kept: Values, depth: Values) -> Shape:
    """A search that goes straight down, with `kept` paths going on at every level."""
    deep = np.asarray(depth, dtype=np.float64)
    most = np.where(deep > 1, kept * (deep - 1) + wide, first)
    return Shape(first, wide, deep, deep, above_steps=deep / 2, held_steps=kept * deep / 2, peak_steps=most)


def demand(strategy: str, shape: Shape, options: Options, query: Query) -> Demand:
    """What the search asks of the engine; the answer is written once, after the best path.

    Nodes of a level share prompt and path (counted once per path held); each level waits for its longest step.
    A path's thinking is `thinking_tokens` split over its steps, or depth x tokens_per_step, within the budget.
    """
    first, wide, levels = (np.asarray(x, dtype=np.float64) for x in (shape.first, shape.wide, shape.levels))
    step = step_tokens(options, shape.path_steps)
    path = shape.path_steps * step
    prompt, answer = query.prompt.mean_tokens, query.answer.mean_tokens
    later = levels - 1
    count = first + later * wide
    slow_first, slow = longest_factor(first, options.sample_cv), longest_factor(wide, options.sample_cv)
    search_tokens = step * (slow_first + later * slow)
    above = later * wide * shape.above_steps * step  # path tokens over all nodes
    held = prompt * search_tokens + step**2 * (count / 2 + later * slow * shape.held_steps)
    read = count * (prompt + step / 2) + above
    decoded = count * step + answer
    answering = (prompt + path + answer / 2) * answer
    tail = {share: _tail(options, share) for share in (0.50, 0.95, 0.99)}
    return Demand(
        strategy=strategy,
        prompt_tokens=prompt,
        thinking_tokens=np.asarray(path),
        answer_tokens=answer,
        samples=np.maximum(wide, first),
        calls=levels + 1,
        requests=count + 1,
        prefill_tokens=prompt,
        repeated_prefill_tokens=count * prompt + above + path,
        output_tokens=decoded,
        sequential_tokens=search_tokens + answer,
        sequential_thinking_tokens=search_tokens,
        context_tokens=(step * read + answering) / decoded,
        kv_token_steps=held + answering,
        kv_peak_tokens=prompt + np.maximum(shape.peak_steps * step, path + answer),
        longest_factor=search_tokens / (levels * step),
        sequential_p50_tokens=search_tokens * tail[0.50] + query.answer.quantile_tokens(0.50),
        sequential_p95_tokens=search_tokens * tail[0.95] + query.answer.quantile_tokens(0.95),
        sequential_p99_tokens=search_tokens * tail[0.99] + query.answer.quantile_tokens(0.99),
        verifier=nodes(options.verifier or ITSELF, prompt, step, count, levels),
    )


@dataclass(frozen=True)
class Level:
    """One level as it is run: `nodes` side by side, children of `parents` paths of `above` steps each."""

    nodes: int
    parents: int
    above: int


def rounds(options: Options, drawn: Drawn, levels: Sequence[Level], path_steps: int) -> tuple[Round, ...]:
    """A round of steps and one of judgements for each level, then the answer after the best path.

    The first nodes of a level are taken to be those that go on: which of them it is makes no difference to the load.
    """
    path = budgeted(options, drawn.thinking_tokens)
    step = path / path_steps
    before = [np.rint(step * above).astype(np.int64) for above in range(path_steps + 1)]
    made: list[Round] = []
    paths = max(level.parents for level in levels)  # that go on from every level
    for level in levels:
        written = whole(step[:, None] * drawn.factors(level.nodes, options.sample_cv))
        parents = tuple(node * level.parents // level.nodes for node in range(level.nodes))
        pieces: list[Piece] = [(level.nodes * (PROMPT,), drawn.prompt_tokens)]
        for at in range(level.above):
            pieces.append((tuple(1 + at * paths + parent for parent in parents), before[at + 1] - before[at]))
        above = replace(drawn, prompt_tokens=drawn.prompt_tokens + before[level.above])
        kept = tuple(1 + level.above * paths + path for path in range(paths))
        steps = thoughts(above, written, tuple(pieces), kept)
        made += [steps, judgements(options.verifier, steps)]
    answering = replace(drawn, prompt_tokens=drawn.prompt_tokens + before[-1])
    best = (((1 + at * paths,), before[at + 1] - before[at]) for at in range(path_steps))
    return (*made, one(answering, np.zeros_like(path), (((PROMPT,), drawn.prompt_tokens), *best)))


def step_tokens(options: Options, steps: Values) -> Array:
    """Mean tokens of one step of a path of so many steps, the whole path within the budget."""
    deep = np.asarray(steps, dtype=np.float64)
    return np.asarray(options.path_law().capped_mean_tokens(options.thinking_budget_tokens) / deep)


def candidates(asked: Demand) -> Array:
    """Tokens decoded over those of one whole answer: what the search costs in samples."""
    return np.asarray(asked.output_tokens / (asked.thinking_tokens + asked.answer_tokens))


def _tail(options: Options, share: float) -> Array:
    """A percentile of the path's length over its mean."""
    law, budget = options.path_law(), options.thinking_budget_tokens
    mean = np.maximum(law.capped_mean_tokens(budget), 1e-9)
    return np.asarray(np.minimum(law.quantile_tokens(share), budget) / mean)
