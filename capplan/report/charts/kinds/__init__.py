"""What the reports of single commands draw, one file a kind of report: `charts(report) -> charts`."""
