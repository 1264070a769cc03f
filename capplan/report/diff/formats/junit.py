"""JUnit: every limit a test case, for GitLab, Jenkins and others; the form of Jenkins' junit-10.xsd."""

from xml.etree import ElementTree as Xml

from ..result import Diff
from ..verdict import RULES, Finding

SUFFIXES = (".xml",)

_WORDS = {"fail": "failure", "exempt": "skipped"}


def render(found: Diff, width: int | None, color: bool) -> str:
    """One suite a scenario; a warning passes and says so in its output. No times, no host: same input, same bytes."""
    judged = found.verdict.findings if found.verdict else ()
    root = Xml.Element("testsuites", name="capplan diff", tests=str(len(judged)), failures=_count(judged, "fail"))
    for scenario in dict.fromkeys(one.scenario for one in judged):
        own = [one for one in judged if one.scenario == scenario]
        suite = Xml.SubElement(root, "testsuite", name=_text(scenario) or "scenario", tests=str(len(own)),
                               failures=_count(own, "fail"), errors="0", skipped=_count(own, "exempt"))  # fmt: skip
        for at, one in enumerate(own):
            suite.append(_case(one, at))
    Xml.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(root, encoding="unicode")}\n'


def _case(one: Finding, at: int) -> Xml.Element:
    rule = RULES[one.rule][0]
    name = " ".join(part for part in (one.row.key if one.row else "", one.metric, rule, f"#{at + 1}") if part)
    case = Xml.Element("testcase", classname=_text(f"capplan.{one.scenario}"), name=_text(name))
    if one.level in _WORDS:
        said = Xml.SubElement(case, _WORDS[one.level], message=_text(one.message))
        if one.level == "fail":
            said.set("type", one.rule)
    elif one.level == "warn":
        Xml.SubElement(case, "system-out").text = _text(f"warning {one.rule}: {one.message}")
    return case


def _count(judged: object, level: str) -> str:
    return str(sum(one.level == level for one in judged))  # type: ignore[attr-defined]


def _text(text: str) -> str:
    """Without characters that XML cannot hold."""
    return "".join(letter for letter in text if letter.isprintable())
