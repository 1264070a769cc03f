"""The page as it looks: light, dark, narrow and printed, compared by where there is something to see."""

import itertools
import json
import re
import subprocess
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from capplan.report.page.gather import gather
from capplan.report.page.render import render
from capplan.scenario.loader import loads

Chromium = Callable[..., subprocess.CompletedProcess[str]]
SCENARIO = "{version: 1, name: small, model: llama-3.1-8b, workload: {qps: 50}, reasoning: {k: 2}}"
DARK = "--blink-settings=preferredColorScheme=0"
BLOCK = 20
LAYOUT = """<script>
addEventListener("load", () => {
  const box = one => { const r = one.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; };
  const boxes = name => [...document.querySelectorAll(name)].map(box);
  const told = document.createElement("pre");
  told.id = "found"; told.hidden = true;
  told.textContent = JSON.stringify({
    figures: boxes("figure svg"), sections: boxes("section"), tiles: boxes(".tiles div"), tables: boxes("table"),
    wide: document.documentElement.scrollWidth, high: document.documentElement.scrollHeight,
  });
  document.body.append(told);
});
</script></body>"""


@pytest.fixture(scope="module")
def text() -> str:
    return render(gather(loads(SCENARIO), {"reasoning.k": [1, 4, 8]}))


def layout(chromium: Chromium, text: str, wide: int) -> dict[str, Any]:
    done = chromium(text.replace("</body>", LAYOUT), f"--window-size={wide},1000", "--dump-dom")
    found = re.search(r'<pre id="found"[^>]*>(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr[-2000:]
    made: dict[str, Any] = json.loads(unescape(found[1]))
    return made


def ink(chromium: Chromium, text: str, folder: Path, high: int, *flags: str) -> NDArray[np.float64]:
    """Which part of each block of the page is not paper; shape (blocks down, blocks across)."""
    file = folder / "page.png"
    chromium(text, f"--window-size=1200,{high}", f"--screenshot={file}", *flags)
    pixels = np.asarray(Image.open(file).convert("RGB"), np.int16)
    marked = np.abs(pixels - pixels[0, 0]).max(axis=-1) > 24
    down, across = (side // BLOCK for side in marked.shape)
    blocks = marked[: down * BLOCK, : across * BLOCK].reshape(down, BLOCK, across, BLOCK)
    found: NDArray[np.float64] = blocks.mean(axis=(1, 3))
    return found


def test_light_and_dark_show_the_same_and_every_chart_is_drawn(text: str, chromium: Chromium, tmp_path: Path) -> None:
    placed = layout(chromium, text, 1200)
    high = int(placed["high"]) + 40
    light, dark = (ink(chromium, text, tmp_path, high, *flags) for flags in ((), (DARK,)))
    assert light.shape == dark.shape
    assert np.mean((light > 0.01) == (dark > 0.01)) > 0.97
    for left, top, right, bottom in placed["figures"]:
        for drawn in (light, dark):
            panel = drawn[int(top) // BLOCK : int(bottom) // BLOCK, int(left) // BLOCK : int(right) // BLOCK]
            assert [part.max() > 0.05 for part in np.array_split(panel, 3, axis=0)] == [True] * 3
            assert [part.max() > 0.05 for part in np.array_split(panel, 3, axis=1)] == [True] * 3
            assert panel.mean() < 0.6, "a chart is not a filled box"
    assert len(placed["figures"]) == 4 and len(placed["tiles"]) == 6


@pytest.mark.parametrize("wide", [1200, 500])
def test_parts_stand_below_one_another_and_nothing_leaves_the_page(wide: int, text: str, chromium: Chromium) -> None:
    placed = layout(chromium, text, wide)
    assert placed["wide"] <= wide, "only tables scroll sideways"
    sections = placed["sections"]
    assert all(one[3] <= other[1] + 1 for one, other in itertools.pairwise(sections))
    assert all(box[0] >= 0 and box[2] <= wide for box in (*placed["figures"], *placed["tiles"]))


def test_paper_gets_everything_but_what_only_a_screen_can_use(text: str, chromium: Chromium, tmp_path: Path) -> None:
    file = tmp_path / "page.pdf"
    chromium(text, f"--print-to-pdf={file}", "--no-pdf-header-footer", DARK)
    pages = file.read_bytes().count(b"/Type /Page\n") or len(re.findall(rb"/Type\s*/Page\b(?!s)", file.read_bytes()))
    assert 2 <= pages <= 5
