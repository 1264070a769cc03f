"""Many workers give what one gives, and losing one loses nothing."""

import os
import pickle
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from capplan.errors import UserError
from capplan.scenario.loader import load
from capplan.scenario.overrides import with_values
from capplan.search.journal import Journal
from capplan.search.many import Planners, Work, work
from capplan.search.optimize.answer import optimize
from capplan.search.risk import risk
from capplan.search.sweep import sweep
from capplan.search.workers import Crew, chunks, crew, locally
from capplan.simulate.setup import setup
from capplan.simulate.study import serving_study

ROOT = Path(__file__).parents[2]
CHAT = ROOT / "scenarios" / "optimize-chat.yaml"
SMALL = ["optimize.gpus=h100-sxm,h200-sxm", "optimize.engines=vllm", "optimize.concurrency=16,64"]


def square(number: int) -> int:
    return number * number


def slowly(number: int) -> int:
    time.sleep(0.2)
    return number * number


def dies_once(task: tuple[str, int]) -> int:
    """Kills its own process the first time that the third task is tried."""
    folder, number = task
    marker = Path(folder) / "died"
    if number == 3 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def always_dies(_: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def fails(number: int) -> int:
    raise UserError(f"{number} is wrong")


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_the_order_of_the_arguments(jobs: int) -> None:
    with crew(jobs) as workers:
        assert workers.map(square, range(20)) == [number * number for number in range(20)]


def test_a_lost_worker_of_this_machine_is_replaced_and_its_work_done_again(tmp_path: Path) -> None:
    with crew(2) as workers:
        assert workers.map(dies_once, [(str(tmp_path), n) for n in range(8)]) == [n * n for n in range(8)]
    assert (tmp_path / "died").exists()


def test_a_task_that_kills_every_worker_is_given_up_with_a_message() -> None:
    with pytest.raises(UserError, match="lost 3 times"), crew(2) as workers:
        workers.map(always_dies, [1, 2])


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_a_task_raises_comes_to_the_caller(jobs: int) -> None:
    with pytest.raises(UserError, match="is wrong"), crew(jobs) as workers:
        workers.map(fails, [1, 2])


def test_a_journal_gives_back_what_was_done_and_works_on_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "out.csv.part"
    first = Journal(path)
    with crew() as workers:
        first.map(workers, square, [1, 2, 3])
    resumed = Journal(path, resume=True)
    assert resumed.known(square, [1, 2, 3, 4]) == [1, 4, 9, None]
    assert resumed.known(slowly, [1]) == [None], "another function has results of its own"
    with crew() as workers:
        assert resumed.map(workers, square, [4, 2]) == [16, 4]
    resumed.finished()
    assert not path.exists()


def test_a_journal_that_was_cut_off_in_a_record_keeps_those_before_it(tmp_path: Path) -> None:
    path = tmp_path / "out.csv.part"
    with crew() as workers:
        Journal(path).map(workers, square, [1, 2, 3])
    path.write_bytes(path.read_bytes()[:-5])
    assert Journal(path, resume=True).known(square, [1, 2, 3]) == [1, 4, None]


def test_a_file_that_would_run_code_is_no_journal(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return os.system, ("true",)

    record = pickle.dumps(("key", Evil()))
    path = tmp_path / "out.csv.part"
    path.write_bytes(len(record).to_bytes(8, "big") + record)
    with pytest.raises(UserError, match="no value of ours"):
        Journal(path, resume=True)


def test_a_sweep_by_two_processes_equals_that_of_one() -> None:
    scenario = load(ROOT / "scenarios" / "cot-k-sweep.yaml")
    over = {"workload.qps": [10, 20, 40, 80, 100], "reasoning.k": [1, 2, 4, 8]}
    with work(2) as many:
        there, here = sweep(scenario, over, Planners(many).plans), sweep(scenario, over)
    assert (repr(there.rows), there.columns, there.notes) == (repr(here.rows), here.columns, here.notes)


def test_a_search_by_two_processes_equals_that_of_one() -> None:
    scenario = load(CHAT, SMALL)
    with work(2) as many:
        there, here = optimize(scenario, many.map), optimize(scenario)
    assert (repr(there.rows), there.notes, there.pruned) == (repr(here.rows), here.notes, here.pruned)
    assert there.best == here.best


def test_risk_by_two_processes_equals_that_of_one() -> None:
    scenario = load(ROOT / "scenarios" / "risk-support.yaml")
    candidates = {name: with_values(scenario, {"serving.weights": name}) for name in ("fp8", "bf16")}
    with work(2) as many:
        there, here = (risk(scenario, 3000, candidates=candidates, mapped=each) for each in (many.map, locally))
    assert there.usd.tobytes() == here.usd.tobytes()
    assert (repr(there.quantiles), there.odds, there.regrets) == (repr(here.quantiles), here.odds, here.regrets)


def test_the_worlds_of_another_seed_or_range_are_not_taken_from_an_earlier_run(tmp_path: Path) -> None:
    scenario, path = load(ROOT / "scenarios" / "risk-support.yaml"), tmp_path / "out.json.part"

    def worked(of: Any, seed: int) -> Any:
        with crew() as workers:
            kept = Journal(path, resume=True)
            return risk(of, 300, seed, mapped=lambda function, parts: kept.map(workers, function, parts)).usd

    first = worked(scenario, 0)
    assert worked(scenario, 0).tobytes() == first.tobytes()
    assert worked(scenario, 1).tobytes() != first.tobytes()
    text = (ROOT / "scenarios" / "risk-support.yaml").read_text("utf-8")
    wider = tmp_path / "wider.yaml"
    wider.write_text(text.replace("high: 180", "high: 360"), "utf-8")
    assert worked(load(wider), 0).tobytes() != first.tobytes()


def test_a_study_by_two_processes_equals_that_of_one() -> None:
    ready = setup(load(ROOT / "scenarios" / "serving-study.yaml"))
    with work(2) as many:
        there, here = (serving_study(ready, 400, mapped=each) for each in (many.map, None))
    assert repr(there) == repr(here)


def test_a_journal_reads_back_every_kind_of_result_that_it_keeps(tmp_path: Path) -> None:
    scenario, path = load(CHAT, SMALL), tmp_path / "out.json.part"

    def searched() -> Any:
        with crew() as workers:
            kept = Journal(path, resume=True)
            found = optimize(scenario, lambda function, tasks: kept.map(workers, function, tasks), confident=False)
            swept = sweep(scenario, {"workload.qps": [1, 2]}, Planners(Work(workers, kept)).plans)
            return repr(found.rows), repr(swept.rows)

    assert searched() == searched()


def test_an_interrupted_sweep_keeps_what_it_planned() -> None:
    class Interrupted(Crew):
        def map(self, function: Any, arguments: Any, done: Any = None) -> Any:
            done(0, function(arguments[0]))
            raise KeyboardInterrupt

    with work(1) as plain:
        planners = Planners(type(plain)(Interrupted(None, (), "plans", False), plain.journal))
        scenario = load(ROOT / "scenarios" / "default.yaml")
        with pytest.raises(KeyboardInterrupt):
            sweep(scenario, {"workload.qps": list(range(1, 41))}, planners.plans)
    assert len(planners.made) == 16


def test_chunks_lose_nothing() -> None:
    assert [one for part in chunks(list(range(10)), 3) for one in part] == list(range(10))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed", reason="needs dask.distributed, extra capplan[cluster]")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as made:
        yield made


@pytest.mark.filterwarnings("ignore")
def test_a_search_on_a_cluster_equals_the_local_one_byte_for_byte(cluster: Any) -> None:
    from capplan.report.answer import Reported
    from capplan.report.formats import render
    from capplan.report.report import report

    scenario = load(CHAT, SMALL)
    with work(cluster=cluster.scheduler_address) as many:
        there = optimize(scenario, many.map)
    here = optimize(scenario)
    texts = [render(Reported(report("optimize", found.plans, rows=found.rows, notes=found.notes)), "json", None, False)
             for found in (here, there)]  # fmt: skip
    assert texts[0] == texts[1]


@pytest.mark.filterwarnings("ignore")
def test_killing_a_worker_of_the_cluster_loses_nothing(cluster: Any) -> None:
    pids = [worker.pid for worker in cluster.workers.values()]

    def kill() -> None:
        time.sleep(0.5)
        os.kill(pids[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    with work(cluster=cluster.scheduler_address) as many:
        assert many.map(slowly, range(12)) == [number * number for number in range(12)]
    killer.join()


def test_a_cluster_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed", reason="needs dask.distributed, extra capplan[cluster]")
    monkeypatch.setattr("capplan.search.workers._CONNECT_S", 1)
    with pytest.raises(UserError, match="no scheduler answers"), crew(cluster="tcp://127.0.0.1:9"):
        pass
