"""How the reports of single commands are told to people, one file a kind of report: `tell(report) -> blocks`."""
