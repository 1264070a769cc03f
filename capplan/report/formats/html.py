"""HTML: one file that asks nothing of the network and prints well."""

from jinja2 import Environment

from ..blocks import Facts, Grid, Heading, Text
from ..metrics import METRICS
from ..report import Report
from ..story import tell

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{ blocks[0].text }} - capplan {{ report.kind }}</title>
<style>
:root { color-scheme: light dark; --line: light-dark(#d0d7de, #3d444d); --soft: light-dark(#59636e, #9198a1);
  --bad: light-dark(#b3261e, #ff8a80); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .8rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; }
th.word, td.word { text-align: left; }
tr.total { font-weight: bold; } tr.bad, p.bad { color: var(--bad); font-weight: bold; }
p { white-space: pre-line; } .quiet, footer { color: var(--soft); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.5rem; } dd { margin: 0; }
@media print { body { max-width: none; margin: 0; } details { display: none; } }
</style>
</head>
<body>
<main>
{% for block in blocks %}
{% if is(block, "Heading") %}<h{{ block.level }}>{{ block.text }}</h{{ block.level }}>
{% elif is(block, "Text") %}<p class="{{ block.tone }}">{{ block.text }}</p>
{% elif is(block, "Facts") %}<dl>{% for name, value in block.pairs %}<dt>{{ name }}</dt><dd>{{ value }}</dd>
{% endfor %}</dl>
{% else %}<div class="wide" tabindex="0" role="region" aria-label="table"><table>
<thead><tr>{% for heading in block.headings %}<th scope="col"{{ word(block, loop.index0) }}>{{ heading }}</th>
{% endfor %}</tr></thead>
<tbody>{% for cells in block.rows %}<tr class="{{ block.mark(loop.index0) }}">
{% for cell in cells %}<td{{ word(block, loop.index0) }}>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table></div>
{% endif %}{% endfor %}
<details><summary>What the columns mean</summary><dl>
{% for metric in metrics %}<dt>{{ metric.label }}</dt><dd>{{ metric.help }}</dd>
{% endfor %}</dl></details>
</main>
<footer>capplan {{ report.tool_version }}</footer>
</body>
</html>
"""
_KINDS = {"Heading": Heading, "Text": Text, "Facts": Facts, "Grid": Grid}


def render(report: Report, width: int | None, color: bool) -> str:
    """The report as a self-contained page; text of the user is escaped."""
    page = Environment(autoescape=True, trim_blocks=True).from_string(_PAGE)
    return page.render(report=report, blocks=tell(report), metrics=METRICS, word=_word, **{"is": _is}) + "\n"


def _is(block: object, kind: str) -> bool:
    return isinstance(block, _KINDS[kind])


def _word(grid: Grid, column: int) -> str:
    from markupsafe import Markup

    return Markup(' class="word"') if column in grid.words else ""
