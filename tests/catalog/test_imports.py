"""Price files of other tools: read, checked, dated, set beside what stood, and added to one's own catalogue."""

import json
from pathlib import Path

import pytest

from capplan.catalog.api_prices import api_price
from capplan.catalog.check import check
from capplan.catalog.huggingface import architecture_from_config
from capplan.catalog.imports.models import read_model, write_model
from capplan.catalog.imports.reading import is_config, read
from capplan.catalog.imports.writing import changes, news, write
from capplan.catalog.models import model
from capplan.catalog.prices import purchase, rent
from capplan.errors import UserError

SKY = """InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,Price,Region,GpuInfo,SpotPrice
gpu-h100_8,H100,8,128,1600,25.6,eu-north1,,10.0
gpu-h100_1,H100,1,16,200,3.5,eu-north1,,0
gpu-x,Foo9000,1,16,200,3.5,eu-north1,,
"""
OWN = "accelerator,provider,price,date,term,region\nH100 SXM,acme,2.10 USD/hour,2026-11-01,on_demand,north\n"


def litellm(**changed: object) -> str:
    model = {"litellm_provider": "deepseek", "mode": "chat", "input_cost_per_token": 5e-7,
             "output_cost_per_token": 2e-6,
             "max_input_tokens": 65536, "supports_reasoning": True}  # fmt: skip
    free = {**model, "input_cost_per_token": 0, "output_cost_per_token": 0.0}
    return json.dumps(
        {"sample_spec": {"mode": "one of ..."}, "deepseek/deepseek-r1": model | changed, "deepseek/x": free}
    )


def test_litellms_prices_are_per_token_and_free_models_are_absent() -> None:
    found = read(litellm(), "prices.json", on="2026-11-20")
    (row,) = found.api
    assert (row.provider, row.model, row.on) == ("deepseek", "deepseek-r1", "2026-11-20")
    assert row.prices == {"input": 5e-7, "output": 2e-6} and row.reasons and row.whole == {"max_input": 65536}
    assert found.skipped == {"no chat model of a provider": 1, "input or output price missing or zero": 1}


def test_skypilots_prices_are_of_instances_and_of_the_cheapest_of_a_region() -> None:
    found = read(SKY, "nebius.csv", on="2026-11-20", provider="nebius")
    prices = {(row.accelerator, row.term): row.usd_per_s * 3600 for row in found.rents}
    assert prices == pytest.approx({("h100-sxm", "on_demand"): 3.2, ("h100-sxm", "spot"): 1.25})
    assert found.skipped["accelerator Foo9000 is not in the catalogue"] == 1
    assert found.skipped["SpotPrice missing or zero"] == 1


def test_a_csv_of_ones_own_has_units_which_are_converted_or_refused() -> None:
    (row,) = read(OWN.replace("2.10 USD/hour", "1533 USD/month"), "own.csv").rents
    assert row.usd_per_s * 3600 == pytest.approx(2.10)
    (api,) = read("model,provider,input,output,date\nm,acme,0.0005 USD/ktoken,2 USD/Mtoken,2026-11\n", "own.csv").api
    assert api.prices["input"] == pytest.approx(0.5e-6)
    for wrong in ("2.10 USD/kWh", "2.10 EUR/hour", "2.10", "-1 USD/hour", "9000 USD/hour"):
        with pytest.raises(UserError, match=r"own.csv:2: price"):
            read(OWN.replace("2.10 USD/hour", wrong), "own.csv")


@pytest.mark.parametrize("absent", ["0 USD/hour", "", "none"])
def test_a_price_of_nothing_is_absent_never_free(absent: str) -> None:
    found = read(OWN.replace("2.10 USD/hour", absent), "own.csv")
    assert found.rents == () and found.skipped == {"price missing or zero": 1}


def test_every_wrong_row_is_told_at_once() -> None:
    text = OWN + "no-chip,acme,1 USD/hour,2026-11-01,on_demand,\nh100-sxm,acme,1 USD/hour,soon,on_demand,\n"
    with pytest.raises(UserError, match=r"own.csv:3: no accelerator(.|\n)*own.csv:4: 'soon' is no date"):
        read(text, "own.csv")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (litellm(), "add --on"),
        (SKY, "add --on"),
        ("{", "not JSON"),
        ("[1, 2]", "no price list"),
        ("a,b\n1,2\n", "no price file"),
        (litellm(input_cost_per_token=-1), "above 0"),
        (litellm(output_cost_per_token=2.0), "another unit"),
        (litellm(output_cost_per_token="dear"), "no number"),
    ],
)
def test_what_is_no_dated_price_file_is_refused(text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read(text, "file", on="" if "--on" in said else "2026-11-20")


def test_a_skypilot_file_needs_its_provider() -> None:
    with pytest.raises(UserError, match="--provider"):
        read(SKY, "file", on="2026-11-20")


def test_prices_stand_beside_those_that_stood() -> None:
    found = {one.what: one for one in changes(read(litellm(), "f", on="2026-11-20"))}
    assert found["deepseek-r1 at deepseek, input"].before == pytest.approx(0.55e-6)
    assert not any(one.same or one.far for one in found.values())
    (dear,) = [one for one in changes(read(litellm(output_cost_per_token=2e-4), "f", on="2026-11-20")) if one.far]
    assert dear.what.endswith("output")
    (new,) = changes(read(OWN, "own.csv"))
    assert new.before is None


def test_imported_prices_are_what_plans_then_pay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(read(litellm(), "f", on="2026-11-20"), tmp_path, "prices.json")
    write(read(SKY, "f", on="2026-11-20", provider="nebius"), tmp_path, "nebius.csv")
    write(read(OWN, "own.csv"), tmp_path, "own.csv", tier="neocloud")
    street = purchase("h100-sxm").usd
    monkeypatch.setenv("CAPPLAN_CATALOG", str(tmp_path))
    assert api_price("deepseek-r1", "deepseek").output_usd_per_token == pytest.approx(2e-6)
    found = rent("h100-sxm", provider="nebius", region="eu-north1")
    assert found.usd_per_gpu_s * 3600 == pytest.approx(3.2) and found.date == "2026-11-20"
    assert rent("h100-sxm", provider="acme").usd_per_gpu_s * 3600 == pytest.approx(2.1)
    # Nothing else of the files is lost, and they are as sound as the shipped ones.
    assert purchase("h100-sxm").usd == street
    assert rent("h100-sxm", provider="aws").usd_per_gpu_s * 3600 == pytest.approx(6.88)
    assert not check("prices/api") and not check("prices/accelerators")


def test_importing_twice_adds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAPPLAN_CATALOG", str(tmp_path))
    first = read(litellm(), "f", on="2026-11-20")
    write(news(first), tmp_path, "prices.json")
    assert all(one.same for one in changes(first))
    assert news(first).api == ()


def test_a_provider_whose_tier_nobody_knows_needs_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--tier"):
        write(read(OWN, "own.csv"), tmp_path, "own.csv")
    assert not list(tmp_path.rglob("*.yaml"))


CONFIG = {"model_type": "llama", "num_hidden_layers": 32, "hidden_size": 4096, "num_attention_heads": 32,
          "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256,
          "max_position_embeddings": 131072}  # fmt: skip


def config(folder: Path, **changed: object) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG | changed))
    return folder / "config.json"


def test_a_config_becomes_a_model_of_ones_own_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = config(tmp_path / "My_Model-8B")
    made = read_model(path, "2026-11-20")
    assert (made.name, made.known, made.differences) == ("my-model-8b", False, ())
    write_model(made, tmp_path / "own")
    monkeypatch.setenv("CAPPLAN_CATALOG", str(tmp_path / "own"))
    assert model("my-model-8b").architecture == architecture_from_config(CONFIG, "my-model-8b")
    assert model("my-model-8b").sources == ("My_Model-8B/config.json (config, read 2026-11-20)",)
    assert not check("models")


def test_a_config_of_a_known_model_is_set_beside_it(tmp_path: Path) -> None:
    made = read_model(config(tmp_path / "x", num_hidden_layers=36), "2026-11-20", name="llama-3.1-8b")
    assert made.known and made.differences == (("layers", "32", "36"),)


@pytest.mark.parametrize(
    ("on", "name", "said"), [("", "", "add --on"), ("soon", "", "add --on"), ("2026-11-20", "../etc", "is no name")]
)
def test_a_config_needs_a_day_and_a_name(tmp_path: Path, on: str, name: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_model(config(tmp_path / "m"), on, name)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    made = read_model(config(tmp_path / "m"), "2026-11-20")
    with pytest.raises(UserError, match="cannot write"):
        write_model(made, tmp_path / "file")
    with pytest.raises(UserError, match="cannot write"):
        write(read(litellm(), "f", on="2026-11-20"), tmp_path / "file", "prices.json")


def test_a_config_is_told_from_a_price_list() -> None:
    assert is_config(json.dumps(CONFIG)) and not is_config(litellm()) and not is_config(OWN) and not is_config("{")


def test_text_of_a_file_cannot_break_the_catalogues_yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAPPLAN_CATALOG", str(tmp_path))
    odd = OWN.replace(",north\n", ',"no}rth"": {x"\n')
    write(read(odd, "own.csv"), tmp_path, 'a "quoted" title: {', tier="neocloud")
    assert rent("h100-sxm", provider="acme").region == 'no}rth": {x'
