"""The study told: rows of a report, and why its figures differ from the published ones."""

from collections.abc import Sequence

from capplan.simulate.study import VARIANTS, Assumptions, Finding


def explained(findings: Sequence[Finding], taken: Assumptions | None = None) -> tuple[str, ...]:
    """Why the figures differ from the published ones, in sentences with the computed ratios."""
    taken = taken or Assumptions()
    by_name = {finding.variant.name: finding for finding in findings}
    standard, squeezed = by_name["standard"], by_name["KV compression"]
    routed, stopped = by_name["difficulty routing"], by_name["streaming verification"]
    return (
        f"All rows serve the same queries at the same times, {taken.load:.0%} of what the standard configuration can "
        "serve; tokens/s and queries/s are those of a flooded fleet. The article names neither model nor load, so that "
        "its seconds and ours are not comparable; ratios are.",
        f"KV compression: {_change(squeezed, standard)} tokens/s where the article has {_published(squeezed)}. Keeping "
        f"{taken.kv_kept:.0%} of the KV lets more sequences run and read less; a loss can only be the eviction's own "
        "work, which is not counted here, where the fleet is short of arithmetic rather than of memory.",
        f"Difficulty routing: {_change(routed, standard)} tokens/s ({_published(routed)} published) but "
        f"{_queries(routed, standard)} queries/s: easy queries no longer think, so that tokens/s is the wrong measure. "
        f"What the classifier gets wrong ({1 - taken.classifier_accuracy:.0%}) thinks needlessly or answers unthought; "
        "what that costs in accuracy is not counted here.",
        f"Streaming verification: {_change(stopped, standard)} tokens/s ({_published(stopped)} published), "
        f"{_queries(stopped, standard)} queries/s: most of the gain is that a query writes "
        f"{1 - stopped.output_tokens / standard.output_tokens:.0%} fewer tokens, which tokens/s does not show.",
    )


def _change(finding: Finding, standard: Finding) -> str:
    return f"{finding.output_tokens_per_s / standard.output_tokens_per_s - 1:+.0%}"


def _queries(finding: Finding, standard: Finding) -> str:
    return f"{finding.queries_per_s / standard.queries_per_s - 1:+.0%}"


def _published(finding: Finding) -> str:
    return f"{finding.variant.published[0] / VARIANTS[0].published[0] - 1:+.0%}"


def rows(findings: Sequence[Finding]) -> list[dict[str, object]]:
    """Rows of a report, one a configuration; the article's figures stand beside ours, as ratios to its first row."""
    standard = findings[0]
    first = VARIANTS[0].published
    return [
        {
            "configuration": finding.variant.name,
            "replicas": sum(map(sum, finding.replicas)),
            "replicas_by_pool": " + ".join(":".join(map(str, counts)) for counts in finding.replicas),
            "queries_per_s": finding.queries_per_s,
            "output_tokens_per_s": finding.output_tokens_per_s,
            "output_tokens": finding.output_tokens,
            "tta_s": finding.tta_mean_s.value,
            "tta_p99_s": finding.tta_p99_s.value,
            "tta_p99_low_s": finding.tta_p99_s.low,
            "tta_p99_high_s": finding.tta_p99_s.high,
            "preemptions": finding.preemptions,
            "throughput_ratio": finding.output_tokens_per_s / standard.output_tokens_per_s,
            "tta_ratio": finding.tta_mean_s.value / standard.tta_mean_s.value,
            "tta_p99_ratio": finding.tta_p99_s.value / standard.tta_p99_s.value,
            "published_throughput_ratio": finding.variant.published[0] / first[0],
            "published_tta_ratio": finding.variant.published[1] / first[1],
            "published_tta_p99_ratio": finding.variant.published[2] / first[2],
        }
        for finding in findings
    ]
