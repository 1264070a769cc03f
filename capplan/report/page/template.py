"""The page's text: one file that asks nothing of the network, for screens light and dark, paper and screen readers."""

STYLE = """
:root { color-scheme: light dark; --line: light-dark(#d0d7de, #3d444d); --soft: light-dark(#59636e, #9198a1);
  --ink: light-dark(#1f2328, #e6edf3); --bad: light-dark(#b3261e, #ff8a80); --paper: light-dark(#fff, #0d1117);
  --band: light-dark(#f6f8fa, #161b22); --key: light-dark(#2f5f8f, #7fb2e5); }
* { box-sizing: border-box; }
body { font: 1rem/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 76rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0; } .about { color: var(--soft); margin: .25rem 0 0; }
h2 { font-size: 1.25rem; margin: 3rem 0 1rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.5rem 0 .4rem; }
.answer { font-size: 1.25rem; font-weight: 600; margin: 1.2rem 0; }
.quiet, footer, figcaption { color: var(--soft); } a { color: var(--key); }
.tiles, .cards { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr));
  margin: 1rem 0; }
.tiles div, .card { background: var(--band); border: 1px solid var(--line); border-radius: .5rem; padding: .8rem 1rem; }
.tiles { grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); }
.tiles dt { color: var(--soft); font-size: .875rem; } .tiles dd { font-size: 1.5rem; font-weight: 600; }
.card h3 { margin-top: 0; } .card dl { gap: .1rem 1rem; grid-template-columns: 1fr max-content; }
.card dd { text-align: right; font-variant-numeric: tabular-nums; }
nav ul { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; list-style: none; padding: 0; margin: 1rem 0 0; }
.wide { overflow-x: auto; max-height: 40rem; margin: 1rem 0; }
:focus-visible { outline: 2px solid var(--key); outline-offset: 2px; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9375rem; }
th, td { padding: .3rem .7rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; }
thead th { position: sticky; top: 0; background: var(--band); vertical-align: bottom; }
tbody th { font-weight: normal; } th.word, td.word { text-align: left; } tbody tr:hover { background: var(--band); }
th button { font: inherit; font-weight: bold; color: inherit; background: none; border: 0; padding: 0;
  cursor: pointer; text-align: inherit; }
th[aria-sort=ascending] button::after { content: " \\25b2"; }
th[aria-sort=descending] button::after { content: " \\25bc"; }
tr.total, tr.total th { font-weight: bold; } tr.bad, p.bad { color: var(--bad); font-weight: bold; }
p { white-space: pre-line; max-width: 60rem; } pre { overflow-x: auto; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.5rem; margin: .5rem 0; } dd { margin: 0; }
figure { margin: 1.5rem 0; max-width: 46rem; }
figure svg { display: block; width: 100%; height: auto; overflow: visible; }
figure svg > rect:first-child { fill: none; } figure svg text { fill: var(--ink); }
figure svg .role-axis-grid line { stroke: var(--line); }
figcaption { font-size: .9375rem; display: flex; gap: .5rem 1rem; flex-wrap: wrap; justify-content: space-between; }
figcaption span { flex: 1 1 20rem; }
figure button { font: inherit; font-size: .8125rem; color: var(--key); background: none; border: 1px solid var(--line);
  border-radius: .35rem; padding: .05rem .6rem; cursor: pointer; }
#tip { position: fixed; pointer-events: none; background: var(--band); border: 1px solid var(--line);
  border-radius: .35rem; padding: .2rem .6rem; font-size: .875rem; max-width: 24rem; }
@media print {
  @page { margin: 14mm; }
  :root { color-scheme: light; font-size: 11px; } body { max-width: none; margin: 0; padding: 0; }
  nav, button.save, #columns { display: none; } .wide { max-height: none; overflow: visible; }
  thead th { position: static; } figure { max-width: 150mm; } table { font-size: .82rem; } th, td { padding: 1px 5px; }
  .tiles { grid-template-columns: repeat(6, 1fr); gap: .5rem; } .tiles dd { font-size: 1.2rem; }
  .cards { grid-template-columns: repeat(4, 1fr); gap: .5rem; } h2 { margin-top: 2rem; }
  h2, h3 { break-after: avoid; } figure, tr, .card, .tiles { break-inside: avoid; }
}
"""

# Tables sort by their headings, charts tell their values under pointer and keyboard and can be saved.
SCRIPT = """
"use strict";
function amount(text) {
  const plain = text.replace(/[,$%]/g, "").replace(/x$/, "").trim();
  return plain !== "" && !isNaN(plain) ? Number(plain) : null;
}
function sort(heading) {
  const table = heading.closest("table"), body = table.tBodies[0];
  const at = heading.cellIndex, up = heading.getAttribute("aria-sort") !== "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", up ? "ascending" : "descending");
  const rows = [...body.rows].map((row, place) => ({ row, place, text: row.cells[at].textContent }));
  rows.sort((a, b) => {
    const x = amount(a.text), y = amount(b.text);
    const order = x !== null && y !== null ? x - y : x !== null ? -1 : y !== null ? 1 : a.text.localeCompare(b.text);
    return order === 0 ? a.place - b.place : up ? order : -order;
  });
  body.append(...rows.map(one => one.row));
}
for (const button of document.querySelectorAll("th button"))
  button.addEventListener("click", () => sort(button.closest("th")));
const tip = document.getElementById("tip");
function show(mark, x, y) {
  tip.textContent = mark.getAttribute("aria-label");
  tip.hidden = false;
  tip.style.left = Math.min(x + 14, innerWidth - tip.offsetWidth - 8) + "px";
  tip.style.top = y + 14 + "px";
}
// Marks of the data; axes, legends and titles are described, too, and stay still.
const marks = "[role=graphics-symbol][aria-label]" +
  ["axis", "legend", "title"].map(one => `:not([aria-roledescription=${one}])`).join("");
for (const figure of document.querySelectorAll("figure")) {
  // One stop of the tabulator a chart; arrows go from mark to mark.
  const all = [...figure.querySelectorAll(marks)];
  all.forEach((mark, at) => mark.setAttribute("tabindex", at ? "-1" : "0"));
  figure.addEventListener("keydown", event => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const at = all.indexOf(event.target);
    if (event.key === "Escape") tip.hidden = true;
    if (!step || at < 0) return;
    const next = all[(at + step + all.length) % all.length];
    event.target.setAttribute("tabindex", "-1"); next.setAttribute("tabindex", "0"); next.focus();
    event.preventDefault();
  });
  figure.addEventListener("pointermove", event => {
    const mark = event.target.closest(marks);
    if (mark) show(mark, event.clientX, event.clientY); else tip.hidden = true;
  });
  figure.addEventListener("pointerleave", () => { tip.hidden = true; });
  figure.addEventListener("focusin", event => {
    const mark = event.target.closest(marks);
    if (mark) { const box = mark.getBoundingClientRect(); show(mark, box.right, box.bottom); }
  });
  figure.addEventListener("focusout", () => { tip.hidden = true; });
}
function save(name, href) {
  const link = document.createElement("a");
  link.download = name; link.href = href; link.click();
}
for (const button of document.querySelectorAll("button.save")) button.addEventListener("click", () => {
  const figure = button.closest("figure"), svg = figure.querySelector("svg");
  const text = new XMLSerializer().serializeToString(svg);
  const source = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(text);
  if (button.dataset.as === "svg") { save(figure.id + ".svg", source); return; }
  const image = new Image();
  image.onload = () => {
    const canvas = document.createElement("canvas"), pen = canvas.getContext("2d");
    canvas.width = 2 * svg.width.baseVal.value; canvas.height = 2 * svg.height.baseVal.value;
    pen.drawImage(image, 0, 0, canvas.width, canvas.height);
    save(figure.id + ".png", canvas.toDataURL("image/png"));
  };
  image.src = source;
});
"""

PAGE = """{% macro pairs(facts) %}<dl>{% for name, value in facts.pairs %}<dt>{{ name }}</dt><dd>{{ value }}</dd>
{% endfor %}</dl>{% endmacro %}<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{ page.title }} - capplan</title>
<style>{{ style }}</style>
</head>
<body>
<header>
<h1>{{ page.title }}</h1>
{% if page.about %}<p class="about">{{ page.about }}</p>
{% endif %}
{% if page.description %}<p class="about">{{ page.description }}</p>
{% endif %}
{% if page.answer %}<p class="answer">{{ page.answer }}</p>
{% endif %}
{% if page.figures %}<dl class="tiles">{% for name, value in page.figures %}<div><dt>{{ name }}</dt><dd>{{ value }}</dd>
</div>{% endfor %}</dl>
{% endif %}
{% if page.sections | length > 1 %}<nav aria-label="Parts of this page"><ul>
{% for section in page.sections if section.title %}<li><a href="#{{ section.name }}">{{ section.title }}</a></li>
{% endfor %}<li><a href="#columns">What the words mean</a></li></ul></nav>
{% endif %}
</header>
<main>
{% for section in page.sections %}<section id="{{ section.name }}"
{%- if section.title %} aria-labelledby="{{ section.name }}-title">
<h2 id="{{ section.name }}-title">{{ section.title }}</h2>
{% else %}>{% endif %}
{% for part in grouped(section.parts) %}
{% if kind(part) == "Chart" %}<figure id="chart-{{ part.name }}" aria-label="{{ part.title }}">
{{ drawn(part) }}
<figcaption><span>{{ part.summary }}</span>
{% if drawable %}<div><button type="button" class="save" data-as="svg">Save SVG</button>
<button type="button" class="save" data-as="png">Save PNG</button></div>{% endif %}</figcaption></figure>
{% elif kind(part) == "Heading" %}<h{{ part.level }}>{{ part.text }}</h{{ part.level }}>
{% elif kind(part) == "Text" %}<p class="{{ part.tone }}">{{ part.text }}</p>
{% elif kind(part) == "list" %}<div class="cards">{% for heading, facts in part %}<div class="card">
<h3>{{ heading.text }}</h3>{{ pairs(facts) }}</div>
{% endfor %}</div>
{% elif kind(part) == "Facts" %}{{ pairs(part) }}
{% else %}<div class="wide" tabindex="0" role="region" aria-label="{{ section.title or page.title }}, table"><table>
<thead><tr>{% for heading in part.headings %}<th scope="col"{{ word(part, loop.index0) }}>
{%- if sorts(part) %}<button type="button" title="sort">{{ heading }}</button>{% else %}{{ heading }}{% endif %}</th>
{% endfor %}</tr></thead>
<tbody>{% for cells in part.rows %}<tr{{ mark(part, loop.index0) }}>
{%- for cell in cells %}{% if loop.first %}<th scope="row"{{ word(part, 0) }}>{{ cell }}</th>
{%- else %}<td{{ word(part, loop.index0) }}>{{ cell }}</td>{% endif %}{% endfor %}</tr>
{% endfor %}</tbody></table></div>
{% endif %}{% endfor %}</section>
{% endfor %}
<section id="columns"><h2>What the words mean</h2>
<details><summary>{{ metrics | length }} figures and what each is</summary><dl>
{% for metric in metrics %}<dt>{{ metric.label }}</dt><dd>{{ metric.help }}</dd>
{% endfor %}</dl></details></section>
</main>
<footer><p>capplan {{ version }}, catalogue {{ stamp.hash }} of {{ stamp.date or "no date" }}</p></footer>
<div id="tip" role="status" hidden></div>
<script>{{ script }}</script>
</body>
</html>
"""
