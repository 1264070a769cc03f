"""A plan's launch commands as a shell script."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from capplan.report.deploy.apart import ROUTER_FILE, router_config, router_of, router_words
from capplan.report.deploy.command import CONFIG_FILE, Command, shell_line


def script(pools: Sequence[Command]) -> str:
    """The commands with their notes as comments and their files before them; of several pools, one to be named."""
    lines = _one(pools[0]) if len(pools) == 1 else _several(pools)
    return "\n".join(lines) + "\n"


def _one(made: Command) -> Iterator[str]:
    yield f"# {made.launch.title} {made.launch.version}: one replica on {_many(made.gpus, 'GPU')}."
    yield from _notes([made])
    yield from _launched(made)


def _several(pools: Sequence[Command]) -> Iterator[str]:
    engine, router = pools[0].launch, router_of(pools[0].launch)
    hosts = {made.role: [f"{made.role}-{number}" for number in range(made.replicas)] for made in pools}
    yield f"# {engine.title} {engine.version}: prefill and decode on pools of their own."
    for made in pools:
        first, last = hosts[made.role][0], hosts[made.role][-1]
        names = first if first == last else f"{first} to {last}"
        size = f"{_many(made.replicas, 'replica')} of {_many(made.gpus, 'GPU')}"
        yield f"# {made.role}: {size}, on hosts called {names} here."
    yield "# Run it on every host with the name of its pool, then once with `router`, which requests are sent to."
    yield "# Replicas that share a host need ports and GPUs of their own."
    yield from _notes(pools)
    yield 'case "${1-}" in'
    for made in pools:
        yield f"{made.role})"
        if variable := made.launch.apart.get("address"):
            yield f'  export {variable}="$(hostname -i)"'
        yield from _launched(made)
        yield "  ;;"
    yield "router)"
    if config := router_config(router, hosts, engine.port):
        yield from _file(ROUTER_FILE, config)
    yield textwrap.indent(shell_line(router_words(router, hosts, engine.port)), "  ")
    yield "  ;;"
    yield "*)"
    yield f'  echo "usage: $0 {"|".join(hosts)}|router" >&2'
    yield "  exit 2"
    yield "  ;;"
    yield "esac"


def _many(count: int, what: str) -> str:
    return f"{count} {what}" + "s" * (count > 1)


def _notes(pools: Sequence[Command]) -> Iterator[str]:
    said = [note for made in pools for note in made.notes]
    for made in pools:
        if made.nodes > 1:
            what = f"A {made.role} replica" if made.role else "The replica"
            said.append(f"{what} spans {made.nodes} nodes: {_across(made)}.")
    yield from (f"# {note}" for note in dict.fromkeys(said))


def _across(made: Command) -> str:
    flags = made.launch.flags
    if "nodes" not in flags:
        return f"{made.launch.title} starts it by a launcher of its own (Ray, MPI)"
    told = f"{flags['nodes']} {made.nodes} {flags['node_rank']} 0..{made.nodes - 1} {flags['node_leader']} HOST:20000"
    return f"run the command on each with {told}"


def _launched(made: Command) -> Iterator[str]:
    if made.config:
        yield from _file(CONFIG_FILE, made.config)
    yield textwrap.indent(made.line, "  ") if made.role else made.line


def _file(name: str, content: dict[str, Any]) -> Iterator[str]:
    yield f"cat > {name} <<'END'"
    yield from json.dumps(content, indent=2).splitlines()
    yield "END"
