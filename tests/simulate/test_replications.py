"""Several runs of one simulation: means and intervals over seeds, by whomever they are run."""

from pathlib import Path

import numpy as np
import pytest

from capplan.scenario.loader import load
from capplan.search.journal import Journal
from capplan.search.many import Work, work
from capplan.search.workers import crew
from capplan.simulate.answer import answer
from capplan.simulate.estimate import over_runs
from capplan.simulate.question import Question
from capplan.simulate.replications import Task, replications, simulated

CHAT = Path(__file__).parents[2] / "scenarios" / "templates" / "chat.yaml"
SMALL = Question(requests=800, seed=5)


def test_a_figure_is_the_mean_over_the_runs_and_its_interval_comes_from_them() -> None:
    scenario = load(CHAT)
    found = replications(scenario, SMALL, 4)
    single = [answer(scenario, Question(requests=800, seed=seed)) for seed in (5, 6, 7, 8)]
    for at, row in enumerate(found.rows):
        assert row["tta_s"] == pytest.approx(np.mean([one.rows[at]["tta_s"] for one in single]))
        assert row["tta_low_s"] < row["tta_s"] < row["tta_high_s"]
        assert row["planned_tta_s"] == single[0].rows[at]["planned_tta_s"]
    assert found.rows[0]["requests"] == sum(one.rows[0]["requests"] for one in single)
    assert found.pools[0].utilization == pytest.approx(np.mean([one.pools[0].utilization for one in single]))
    assert any("over 4 runs, seeds 5 to 8" in note for note in found.notes)


def test_intervals_over_runs_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(1)
    held = [over_runs(list(rng.normal(3.0, 2.0, 6))).holds(3.0) for _ in range(2_000)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.02)
    assert over_runs([2.0]).low is None


def test_more_runs_narrow_the_interval() -> None:
    few, many = (replications(load(CHAT), SMALL, runs).summaries[0].figures["tta_mean_s"] for runs in (4, 16))
    assert few.high - few.low > many.high - many.low


def test_two_processes_give_the_same_as_one() -> None:
    scenario = load(CHAT, ["serving.disaggregated=true"])
    with work(2) as many:
        there = replications(scenario, SMALL, 3, many.map)
    here = replications(scenario, SMALL, 3)
    assert (repr(there.rows), there.notes) == (repr(here.rows), here.notes)
    assert {name: curve.tobytes() for name, curve in there.distributions.items()} == {
        name: curve.tobytes() for name, curve in here.distributions.items()
    }


def test_what_is_done_is_kept_and_a_changed_trace_is_another_question(tmp_path: Path) -> None:
    scenario, trace, path = load(CHAT), tmp_path / "trace.csv", tmp_path / "out.json.part"
    header = "timestamp,prompt_tokens,output_tokens\n"
    trace.write_text(header + "".join(f"{at},800,{20 + at % 50}\n" for at in range(60)))
    asked = Question(trace=trace)

    def kept() -> tuple[str, int]:
        with crew() as workers:
            journal = Journal(path, resume=True)
            tasks: list[Task] = []

            def mapped(function, arguments):
                tasks.extend(arguments)
                return Work(workers, journal).map(function, arguments)

            known = replications(scenario, asked, 2, mapped)
            return repr(known.rows), len([one for one in Journal(path, resume=True).known(simulated, tasks) if one])

    first, again = kept(), kept()
    assert first == again and first[1] == 2
    size = path.stat().st_size
    trace.write_text(header + "".join(f"{at},900,{20 + at % 50}\n" for at in range(61)))
    assert kept()[0] != first[0] and path.stat().st_size > size


def test_runs_in_which_nothing_is_drawn_say_so(tmp_path: Path) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text("timestamp,prompt_tokens,output_tokens\n" + "".join(f"{at},800,50\n" for at in range(60)))
    found = replications(load(CHAT), Question(trace=trace), 3)
    assert any("nothing in this run is drawn by chance" in note for note in found.notes)
