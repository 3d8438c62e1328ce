"""Checks the resolved docker-compose.yml by rules that no schema knows: RESOLVED_JSON ROOT."""

import json
import re
import sys
from pathlib import Path

try:
    import tomllib
except ModuleNotFoundError:  # Python before 3.11
    import tomli as tomllib

SERVERS = {"rabbitmq", "redis", "postgres"}
LLM = {"classify", "generate-sql", "reply"}
SOURCES = {"execute-sql", "execute-change", "inspect"}
ONLY_FOR = {
    "jwt_secret": {"api"},
    "vault_private_key": SOURCES,
    "rabbitmq_login": {"rabbitmq"},
    "redis_login": {"redis"},
}


def kinds_of_the_contracts(root: Path) -> set[str]:
    text = (root / "crates/contracts/src/job.rs").read_text()
    return set(re.findall(r'^\w+!\(\w+, "([a-z_]+)"\)', text, re.MULTILINE))


def kinds_that_are_served(services: dict) -> set[str]:
    commands = [service.get("command") or [] for service in services.values()]
    return {kind for command in commands if command[:2] == ["worker", "--kinds"] for kind in command[2].split(",")}


def known_settings(root: Path) -> set[str]:
    defaults = tomllib.loads((root / "crates/settings/askline.default.toml").read_text())
    names = {f"{section}__{key}" for section, keys in defaults.items() if isinstance(keys, dict) for key in keys}
    sections = (root / "crates/settings/src/sections.rs").read_text()
    secrets = re.search(r"pub struct Secrets \{(.*?)\n\}", sections, re.DOTALL).group(1)
    names |= {f"secrets__{key}_file" for key in re.findall(r"pub (\w+): Secret", secrets)}
    return {f"ASKLINE_{name.upper()}" for name in names} | {"ASKLINE_MODE"}


def secrets_of(service: dict) -> set[str]:
    return {secret["source"] for secret in service.get("secrets", [])}


def check_kinds(services: dict, root: Path):
    wanted, served = kinds_of_the_contracts(root), kinds_that_are_served(services)
    # Whoever does `classify` does `follow` too.
    wanted -= {"follow"}
    if not wanted:
        yield "no kinds of jobs were found in crates/contracts/src/job.rs: was it laid out anew?"
    for kind in sorted(wanted ^ served):
        yield f"kind {kind}: " + ("no service works on it" if kind in wanted else "there is no such kind of job")


def check_settings(name: str, service: dict, known: set[str]):
    for variable, value in (service.get("environment") or {}).items():
        if variable.startswith("ASKLINE_") and variable not in known:
            yield f"{name}: {variable} is no setting"
        if variable.endswith("_FILE") and value.startswith("/run/secrets/"):
            if value.removeprefix("/run/secrets/") not in secrets_of(service):
                yield f"{name}: {variable} names {value}, which is not among its secrets"


def check_secrets(name: str, service: dict):
    for secret in secrets_of(service):
        if name not in ONLY_FOR.get(secret, {name}):
            yield f"{name}: must not have {secret}"
    if ("LLM_API_KEY" in (service.get("environment") or {})) != (name in LLM):
        yield f"{name}: the key of the language models belongs to {sorted(LLM)} and to no others"


def check_networks(name: str, service: dict):
    joined = set(service.get("networks", {}))
    for network, members in (("sources", SOURCES), ("llm", LLM), ("front", {"api"})):
        if (network in joined) != (name in members):
            yield f"{name}: the network {network} is for {sorted(members)}"


def check_hardening(name: str, service: dict):
    limits = service.get("deploy", {}).get("resources", {}).get("limits", {})
    if not {"cpus", "memory", "pids"} <= set(limits):
        yield f"{name}: cpus, memory and pids need limits"
    if not service.get("restart"):
        yield f"{name}: has no restart policy"
    if "no-new-privileges:true" not in service.get("security_opt", []):
        yield f"{name}: lacks no-new-privileges"
    if name not in SERVERS and not service.get("read_only"):
        yield f"{name}: its root file system can be written"
    if name != "migrate" and "healthcheck" not in service:
        yield f"{name}: has no health check"


def check_order(name: str, service: dict):
    if name in SERVERS or name == "migrate":
        return
    waits = {other: how["condition"] for other, how in service.get("depends_on", {}).items()}
    if waits.get("migrate") != "service_completed_successfully":
        yield f"{name}: must wait until migrate has completed"
    for server in sorted(SERVERS):
        if waits.get(server) != "service_healthy":
            yield f"{name}: must wait until {server} is healthy"


def faults(project: dict, root: Path):
    services, known = project["services"], known_settings(root)
    yield from check_kinds(services, root)
    for name, service in services.items():
        yield from check_settings(name, service, known)
        yield from check_secrets(name, service)
        yield from check_networks(name, service)
        yield from check_hardening(name, service)
        yield from check_order(name, service)


def main(resolved: str, root: str) -> None:
    found = list(faults(json.loads(Path(resolved).read_text()), Path(root)))
    for fault in found:
        print(f"docker-compose.yml: {fault}", file=sys.stderr)
    sys.exit(1 if found else 0)


main(*sys.argv[1:])
