"""The page's text: one file that asks nothing of the network, for screens light and dark, paper and screen readers."""

STYLE = """
:root { color-scheme: light dark; --line: light-dark(#d0d7de, #3d444d); --soft: light-dark(#59636e, #9198a1);
  --bad: light-dark(#b3261e, #ff8a80); --paper: light-dark(#fff, #0d1117); --band: light-dark(#f6f8fa, #161b22); }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; background: var(--paper); max-width: 76rem; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin-top: 1.5rem; }
.answer { font-size: 1.25rem; font-weight: 600; } .quiet, footer, figcaption { color: var(--soft); }
nav ul { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; list-style: none; padding: 0; }
.wide { overflow-x: auto; max-height: 40rem; } .wide:focus-visible, button:focus-visible { outline: 2px solid #4477aa; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; }
th { position: sticky; top: 0; background: var(--band); } th.word, td.word { text-align: left; }
th button { font: inherit; font-weight: bold; color: inherit; background: none; border: 0; padding: 0;
  cursor: pointer; text-align: inherit; }
th[aria-sort=ascending] button::after { content: " \\25b2"; }
th[aria-sort=descending] button::after { content: " \\25bc"; }
tr.total { font-weight: bold; } tr.bad, p.bad { color: var(--bad); font-weight: bold; }
p { white-space: pre-line; } dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.5rem; }
dd { margin: 0; }
figure { margin: 1rem; } figure svg { max-width: 100%; height: auto; background: none; overflow: visible; }
figure svg > rect:first-child { fill: none; } figure svg text { fill: currentColor; }
figure svg .role-axis-grid line { stroke: var(--line); }
figure button { font: inherit; font-size: .85rem; margin-right: .5rem; }
#tip { position: fixed; pointer-events: none; background: var(--band); border: 1px solid var(--line);
  padding: .2rem .6rem; font-size: .85rem; max-width: 24rem; }
@media print { body { max-width: none; margin: 0; } nav, button.save { display: none; } .wide { max-height: none; }
  th { position: static; } section { break-inside: auto; } figure, tr { break-inside: avoid; } }
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
const marks = "[role=graphics-symbol][aria-label]";
for (const figure of document.querySelectorAll("figure")) {
  for (const mark of [...figure.querySelectorAll(marks)].slice(0, 200)) mark.setAttribute("tabindex", "0");
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
    pen.fillStyle = "white"; pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(image, 0, 0, canvas.width, canvas.height);
    save(figure.id + ".png", canvas.toDataURL("image/png"));
  };
  image.src = source;
});
"""

PAGE = """<!doctype html>
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
<p class="answer">{{ page.answer }}</p>
{% if page.description %}<p class="quiet">{{ page.description }}</p>
{% endif %}
<nav aria-label="Parts of this page"><ul>
{% for section in page.sections %}<li><a href="#{{ section.name }}">{{ section.title }}</a></li>
{% endfor %}<li><a href="#columns">What the words mean</a></li></ul></nav>
</header>
<main>
{% for section in page.sections %}<section id="{{ section.name }}" aria-labelledby="{{ section.name }}-title">
<h2 id="{{ section.name }}-title">{{ section.title }}</h2>
{% for part in section.parts %}
{% if kind(part) == "Chart" %}<figure id="chart-{{ part.name }}" aria-label="{{ part.title }}">
{{ drawn(part) }}
<figcaption>{{ part.title }}. {{ part.summary }}
{% if drawable %}<button type="button" class="save" data-as="svg">Save SVG</button><button type="button" class="save"
data-as="png">Save PNG</button>{% endif %}</figcaption></figure>
{% elif kind(part) == "Heading" %}<h{{ part.level }}>{{ part.text }}</h{{ part.level }}>
{% elif kind(part) == "Text" %}<p class="{{ part.tone }}">{{ part.text }}</p>
{% elif kind(part) == "Facts" %}<dl>{% for name, value in part.pairs %}<dt>{{ name }}</dt><dd>{{ value }}</dd>
{% endfor %}</dl>
{% else %}<div class="wide" tabindex="0" role="region" aria-label="{{ section.title }}, table"><table>
<thead><tr>{% for heading in part.headings %}<th scope="col"{{ word(part, loop.index0) }}>
{%- if sorts(part) %}<button type="button" title="sort">{{ heading }}</button>{% else %}{{ heading }}{% endif %}</th>
{% endfor %}</tr></thead>
<tbody>{% for cells in part.rows %}<tr{{ mark(part, loop.index0) }}>
{%- for cell in cells %}<td{{ word(part, loop.index0) }}>{{ cell }}</td>{% endfor %}</tr>
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
