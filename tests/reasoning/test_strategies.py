"""What every strategy asks of the engine, and how often it is right."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capplan.errors import UserError
from capplan.reasoning import published, scene
from capplan.reasoning.demand import Demand, stack
from capplan.reasoning.lengths import Constant, Lognormal
from capplan.reasoning.options import Options, Query, Verifier
from capplan.reasoning.strategy import accuracy, demand, strategy_names

QUERY = Query(Constant(2048.0), Constant(300.0))
PRM = Verifier("prm", "process")
GIVEN = published.base("any", single_accuracy=0.74)
ALL = ["beam", "best_of_n", "cascade", "chain_of_thought", "direct", "long_thinking", "majority_vote", "mcts", "refine",
       "tree_of_thought"]  # fmt: skip


# Of a cascade, which is nothing without them.
STAGES = (Options(strategy="direct"), Options())


def ask(**keys) -> Demand:
    stages = {"stages": STAGES} if keys.get("strategy") == "cascade" else {}
    return demand(Options(**keys, **stages), QUERY)


def test_every_strategy_is_found_by_its_file_name():
    assert strategy_names() == ALL
    with pytest.raises(UserError, match="unknown strategy 'tot': choose one of beam"):
        ask(strategy="tot")


def test_direct_asks_for_the_answer_alone():
    asked = ask(strategy="direct")
    assert (asked.thinking_tokens, asked.output_tokens, asked.requests) == (0, 300, 1)
    assert asked.sequential_thinking_tokens == 0


def test_k_steps_are_one_generation_whose_context_grows():
    asked = ask(k=8.0)
    assert (asked.thinking_tokens, asked.output_tokens, asked.calls) == (2048, 2348, 1)
    assert asked.context_tokens == 2048 + 2348 / 2
    assert asked.kv_tokens_per_sequence == asked.context_tokens
    assert asked.kv_peak_tokens == 2048 + 2348


def test_steps_as_calls_of_their_own_read_again_what_earlier_ones_wrote():
    one, each = ask(k=8.0), ask(k=8.0, calls="per_step")
    assert each.output_tokens == one.output_tokens and each.requests == 8
    assert each.repeated_prefill_tokens == sum(2048 + j * 256 for j in range(1, 8))


def test_samples_share_the_prompt_and_end_with_the_longest():
    one, eight = ask(strategy="majority_vote", samples=1.0), ask(strategy="majority_vote", samples=8.0)
    assert eight.output_tokens == 8 * one.output_tokens
    assert eight.prefill_tokens == one.prefill_tokens
    assert eight.kv_peak_tokens == 2048 + 8 * 2348 < 8 * one.kv_peak_tokens
    assert float(eight.sequential_tokens / one.sequential_tokens) == pytest.approx(1.37, abs=0.01)
    assert float(eight.kv_tokens_per_sequence) < float(one.kv_tokens_per_sequence)


def test_a_cap_ends_the_longest_sample_too():
    free = ask(strategy="majority_vote", samples=8.0, thinking=Constant(4000.0))
    held = ask(strategy="majority_vote", samples=8.0, thinking=Constant(4000.0), thinking_budget_tokens=4000.0)
    assert held.output_tokens == free.output_tokens
    assert float(held.sequential_tokens) == pytest.approx(4000 + float(free.longest_factor) * 300)


def test_a_heavy_tail_holds_more_cache_than_its_mean_says():
    flat, heavy = ask(thinking=Constant(1500.0)), ask(thinking=Lognormal.from_mean_cv(1500.0, 1.5))
    assert float(heavy.output_tokens) == pytest.approx(float(flat.output_tokens))
    assert float(heavy.kv_token_steps) > 1.3 * float(flat.kv_token_steps)
    assert float(heavy.sequential_p99_tokens) > 4 * float(flat.sequential_p99_tokens)


def test_best_of_n_has_each_sample_read_once_by_its_verifier():
    asked = ask(strategy="best_of_n", samples=16.0, verifier=PRM)
    assert asked.verifier is not None and asked.verifier.model == "prm"
    assert asked.verifier.prefill_tokens == 2048 + 16 * 2348
    assert asked.verifier.decode_tokens == 0
    assert asked.sequential_thinking_tokens > asked.thinking_tokens  # nothing is shown before the verdict


def test_a_tree_writes_its_nodes_and_judges_each():
    asked = ask(strategy="tree_of_thought", branching=3.0, depth=4.0, keep=2.0, verifier=PRM)
    nodes = 3 + 3 * 6
    assert asked.output_tokens == nodes * 256 + 300
    assert asked.verifier is not None and asked.verifier.requests == nodes and asked.verifier.passes == 4


def test_a_beam_of_one_path_without_branches_is_a_chain_of_thought():
    path = ask(strategy="beam", width=1.0, branching=1.0, depth=8.0, verifier=PRM)
    chain = ask(k=8.0)
    for name in ("output_tokens", "sequential_tokens", "thinking_tokens", "context_tokens", "kv_token_steps",
                 "kv_peak_tokens"):  # fmt: skip
        assert float(getattr(path, name)) == pytest.approx(float(getattr(chain, name))), name


def test_rollouts_follow_one_another():
    few, many = (ask(strategy="mcts", rollouts=n, branching=2.0, depth=4.0, verifier=PRM) for n in (8.0, 32.0))
    assert float(many.sequential_tokens - 300) == pytest.approx(4 * float(few.sequential_tokens - 300))
    assert many.output_tokens == 32 * 2 * 256 + 300


def test_each_round_of_refinement_writes_another_draft_and_reads_the_last():
    critic = Verifier("critic")
    once, thrice = (ask(strategy="refine", rounds=n, critic=critic) for n in (0.0, 2.0))
    assert thrice.output_tokens == 3 * once.output_tokens
    assert thrice.prefill_tokens == 2048 + 2 * (300 + 300)
    assert thrice.verifier is not None and thrice.verifier.decode_tokens == 600


def test_a_model_that_judges_itself_does_so_as_further_requests_of_the_query():
    other = ask(strategy="best_of_n", samples=4.0, verifier=Verifier("judge", decode_tokens=50.0))
    itself = ask(strategy="best_of_n", samples=4.0, verifier=Verifier(None, decode_tokens=50.0))
    assert itself.verifier is None and other.verifier is not None
    assert itself.requests == other.requests + 4
    assert itself.output_tokens == other.output_tokens + 4 * 50
    assert itself.prefill_tokens == other.prefill_tokens + other.verifier.prefill_tokens
    assert itself.sequential_tokens == other.sequential_tokens + 50


def test_adaptive_voting_draws_fewer_samples_and_waits_for_its_rounds():
    plain = ask(strategy="majority_vote", samples=32.0)
    grown = ask(strategy="majority_vote", samples=32.0, adaptive=True, single_accuracy=0.74)
    assert grown.output_tokens < 0.5 * plain.output_tokens
    assert grown.sequential_tokens > plain.sequential_tokens
    assert grown.sequential_p99_tokens > grown.sequential_p50_tokens


def test_adaptive_voting_without_an_accuracy_claims_no_saving():
    plain, grown = (ask(strategy="majority_vote", samples=32.0, adaptive=flag) for flag in (False, True))
    assert grown.output_tokens == plain.output_tokens


@pytest.mark.parametrize("strategy", ALL)
def test_a_sweep_is_one_array_call_equal_to_single_ones(strategy):
    budgets, counts = np.array([500.0, 2000.0, 8000.0]), np.array([[2.0], [4.0], [8.0]])
    keys = {"k": 8.0, "samples": counts, "width": counts, "branching": counts, "rollouts": 4 * counts,
            "rounds": counts, "depth": 4.0, "thinking": Lognormal.from_mean_cv(3000.0, 0.8)}  # fmt: skip
    swept = ask(strategy=strategy, thinking_budget_tokens=budgets, **keys)
    cell = {name: float(value[1, 0]) if isinstance(value, np.ndarray) else value for name, value in keys.items()}
    single = ask(strategy=strategy, thinking_budget_tokens=2000.0, **cell)
    for field in fields(Demand):
        if field.name not in ("strategy", "verifier"):
            at = np.broadcast_to(getattr(swept, field.name), (3, 3))[1, 1]
            assert float(at) == pytest.approx(float(getattr(single, field.name))), field.name


@pytest.mark.parametrize("strategy", ALL)
def test_a_tighter_budget_never_asks_for_more(strategy):
    asked = ask(strategy=strategy, thinking=Lognormal.from_mean_cv(3000.0, 1.0),
                thinking_budget_tokens=np.array([200.0, 1000.0, 5000.0, 25000.0]))  # fmt: skip
    for name in ("output_tokens", "sequential_tokens", "kv_token_steps", "kv_peak_tokens", "sequential_p99_tokens"):
        assert np.all(np.diff(np.broadcast_to(getattr(asked, name), 4)) >= -1e-6), name


@settings(max_examples=40)
@given(st.sampled_from(ALL), st.floats(10, 20000), st.floats(10, 5000), st.integers(1, 20), st.integers(1, 12))
def test_a_demand_hangs_together(strategy, thinking, prompt, count, depth):
    options = Options(strategy=strategy, thinking=Constant(thinking), samples=float(count), width=float(count),
                      rollouts=float(count), rounds=float(count), depth=float(depth), verifier=PRM,
                      stages=STAGES)  # fmt: skip
    asked = demand(options, Query(Constant(prompt), Constant(200.0)))
    assert asked.output_tokens >= asked.answer_tokens
    assert asked.sequential_thinking_tokens <= asked.sequential_tokens
    assert asked.sequential_p50_tokens <= asked.sequential_p95_tokens <= asked.sequential_p99_tokens
    assert asked.context_tokens >= asked.prompt_tokens
    assert asked.kv_peak_tokens >= asked.prompt_tokens + asked.answer_tokens - 1e-6
    assert asked.kv_token_steps <= asked.kv_peak_tokens * asked.sequential_tokens * 1.0001
    assert asked.requests >= asked.calls - 1e-9


def test_many_demands_stack_into_one_of_arrays():
    both = stack([ask(strategy="direct"), ask(k=4.0)])
    assert both.strategy == "mixed" and both.output_tokens.tolist() == [300, 1324]


def test_a_published_vote_is_reported_as_published_and_others_as_fitted_or_extrapolated():
    base = published.base("deepseek-r1-distill-llama-70b", "AIME24")
    statuses = {}
    for samples in (16.0, 64.0, 256.0):
        options = Options(strategy="majority_vote", samples=samples)
        found = accuracy(options, QUERY, base)
        statuses[samples] = found.status
        assert found.low < found.value < found.high
    assert statuses == {16.0: "fitted", 64.0: "published", 256.0: "extrapolated"}


def test_the_default_vote_carries_the_interval_of_the_fitted_models():
    options = Options(strategy="majority_vote", samples=64.0)
    found = accuracy(options, QUERY, GIVEN)
    assert (round(float(found.value), 3), found.status) == (0.891, "extrapolated")
    assert found.low < 0.86 and found.high > 0.93


@pytest.mark.parametrize("strategy", [name for name in ALL if name not in ("direct", "cascade")])
def test_every_strategy_tells_its_accuracy_with_interval_status_and_basis(strategy):
    options = Options(strategy=strategy, verifier=PRM)
    found = accuracy(options, QUERY, GIVEN)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.status in ("given", "fitted", "extrapolated") and "single_sample_accuracy" in found.basis


def test_a_figure_for_thinking_says_nothing_of_answers_without_it():
    options = Options(strategy="direct")
    assert accuracy(options, QUERY, GIVEN) is None


def test_an_unlisted_model_has_no_accuracy_and_the_reason_says_what_to_give():
    base = published.base("llama-3.3-70b", "math-500")
    options = Options()
    assert accuracy(options, QUERY, base) is None
    assert "no point of llama-3.3-70b on math-500" in base.reason and "single_sample_accuracy" in base.reason


def test_a_law_file_is_no_benchmark():
    with pytest.raises(UserError, match="'voting' holds a law's parameters, not a benchmark"):
        published.base("deepseek-r1", "voting")


def test_more_thinking_is_more_accurate_along_a_curve(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("tokens,accuracy,n\n300,50,500\n1000,62,500\n4000,71,500\n16000,75,500\n")
    base = published.base("any", curve=path)
    found = [float(accuracy(o, QUERY, base).value) for o in (Options(k=float(k)) for k in (1, 4, 16, 48))]
    assert found == sorted(found)
    direct = Options(strategy="direct")
    assert float(accuracy(direct, QUERY, base).value) < found[0]


def test_a_cap_that_cuts_thinking_costs_accuracy_between_nothing_and_all_of_it():
    law = Lognormal.from_mean_cv(4000.0, 1.0)
    options = Options(strategy="long_thinking", thinking=law, thinking_budget_tokens=2000.0)
    found = accuracy(options, QUERY, GIVEN)
    cut = float(law.share_above(2000.0))
    assert float(found.low) == pytest.approx(0.74 * (1 - cut), abs=0.01)
    assert found.low < found.value < found.high == 0.74
    assert found.status == "extrapolated"
    loose = replace(options, thinking_budget_tokens=1e9)
    assert accuracy(loose, QUERY, GIVEN) is GIVEN.single


def test_budget_forcing_thinks_to_the_budget_where_no_law_is_given():
    forced = Options(strategy="long_thinking", thinking_budget_tokens=3000.0)
    assert demand(forced, QUERY).thinking_tokens == 3000
    # With all the thinking that it was measured with, an answer is as good as measured.
    assert float(accuracy(forced, QUERY, GIVEN).value) == pytest.approx(0.74)


def test_a_verifier_and_a_difficulty_that_are_given_go_before_the_published_ones():
    oracle, coin = (
        Options(strategy="best_of_n", samples=8.0, verifier=Verifier(accuracy=trust), concentration=np.inf)
        for trust in (1.0, 0.5)
    )
    sure, blind = (accuracy(options, QUERY, GIVEN) for options in (oracle, coin))
    assert float(sure.value) == pytest.approx(1 - 0.26**8) and float(blind.value) == pytest.approx(0.74)
    assert "verifier accuracy as given" in sure.basis and "concentration as given" in sure.basis
    assert sure.low == sure.value == sure.high  # nothing is left open


def test_a_critic_of_known_accuracy_mends_and_self_correction_does_not():
    alone = Options(strategy="refine", rounds=3.0)
    critic = replace(alone, critic=Verifier(accuracy=0.9))
    mended, drifted = (accuracy(options, QUERY, GIVEN) for options in (critic, alone))
    assert mended.value > 0.74 > drifted.value
    assert "critic accuracy as given" in mended.basis and "no critic of known accuracy" in drifted.basis


@pytest.mark.parametrize("strategy", ALL)
def test_without_a_figure_no_strategy_claims_an_accuracy(strategy):
    stages = {"stages": STAGES} if strategy == "cascade" else {}
    nothing = published.base("any")
    assert accuracy(Options(strategy=strategy, **stages), QUERY, nothing) is None
    assert nothing.reason == "no `quality` section: give benchmark, single_sample_accuracy or curve"


def test_samples_shorter_than_the_measured_ones_count_in_proportion():
    base = replace(GIVEN, reference_tokens=1024.0)
    half, whole = (accuracy(Options(k=k), QUERY, base) for k in (2.0, 4.0))  # 256 tokens a step
    assert float(whole.value) == pytest.approx(0.74)
    assert (float(half.value), half.high) == (pytest.approx(0.37), 0.74)
    assert half.status == "extrapolated"


def test_a_sweep_of_caps_is_one_array_call_equal_to_single_ones():
    law, caps = Lognormal.from_mean_cv(4000.0, 1.0), np.array([500.0, 2000.0, 8000.0])
    swept = accuracy(Options(strategy="long_thinking", thinking=law, thinking_budget_tokens=caps), QUERY, GIVEN)
    for at, cap in enumerate(caps):
        one = accuracy(Options(strategy="long_thinking", thinking=law, thinking_budget_tokens=float(cap)), QUERY, GIVEN)
        assert (swept.low[at], swept.value[at]) == (pytest.approx(float(one.low)), pytest.approx(float(one.value)))


def test_adaptive_voting_never_takes_a_sweep_of_accuracies_for_one():
    base = replace(GIVEN, single=replace(GIVEN.single, value=np.array([0.6, 0.9])))
    options = Options(strategy="majority_vote", samples=16.0, adaptive=True)
    assert scene.knowing(options, base, QUERY) is options
    assert scene.knowing(options, GIVEN, QUERY).single_accuracy == pytest.approx(0.74)


def test_a_strategy_whose_own_import_fails_is_not_called_unknown(tmp_path, monkeypatch):
    from capplan.reasoning import strategies

    (tmp_path / "broken.py").write_text("import no_such_library\n")
    monkeypatch.setattr(strategies, "__path__", [*strategies.__path__, str(tmp_path)])
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        ask(strategy="broken")


def test_a_strategy_without_rounds_is_planned_and_not_simulated(tmp_path, monkeypatch):
    from capplan.reasoning import strategies
    from capplan.reasoning.rounds import Drawn, rounds

    (tmp_path / "roundless.py").write_text("from capplan.reasoning.strategies.direct import accuracy, demand\n")
    monkeypatch.setattr(strategies, "__path__", [*strategies.__path__, str(tmp_path)])
    assert ask(strategy="roundless").output_tokens == 300
    lengths = np.array([1])
    with pytest.raises(UserError, match="strategy roundless does not say what its requests are"):
        rounds(Options(strategy="roundless"), Drawn(lengths, lengths, lengths, np.random.default_rng(0)))
