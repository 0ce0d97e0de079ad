"""Other gateways, installed in environments of their own under ``build/peers``.

None serves the route of variations well; what stands in for it is told in the table.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping

from benchmarks.gateway.machine import ROOT, free_ports
from benchmarks.gateway.targets import Address, Target, route, written
from benchmarks.gateway.works import Way, Work

PEERS = ROOT / "build" / "peers"
WAYS: tuple[Way, ...] = ("plain", "big", "slow")
_KEY = {"Authorization": "Bearer sk-master"}


def peers() -> list[Callable[[int], Target]]:
    """Those that can be had on this machine, installed; each is then given the upstream's port."""
    had: list[Callable[[int], Target]] = []
    if _pip("litellm", "litellm[proxy]"):
        had.append(LiteLLM)
    if _npm("portkey", "@portkey-ai/gateway"):
        had.append(Portkey)
    if _pip("rolter", "rolter"):
        had.append(Rolter)
    return had


def _pip(name: str, package: str) -> bool:
    directory = PEERS / name
    if (directory / "installed").exists():
        return True
    subprocess.run([sys.executable, "-m", "venv", str(directory)], check=True)
    command = [str(directory / "bin" / "pip"), "--quiet", "--disable-pip-version-check", "install", package]
    return _has_installed(name, command)


def _npm(name: str, package: str) -> bool:
    if (PEERS / name / "installed").exists():
        return True
    if shutil.which("npm") is None:
        print(f"{name} is left out: npm is not installed.", file=sys.stderr)
        return False
    directory = str(PEERS / name)
    return _has_installed(
        name, ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", directory, package]
    )


def _has_installed(name: str, command: list[str]) -> bool:
    print(f"Installing {name} ...", file=sys.stderr)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{name} is left out, it cannot be installed: {done.stderr[-500:]}", file=sys.stderr)
        return False
    (PEERS / name / "installed").touch()
    return True


def _vendor(upstream: int, way: Way) -> str:
    return f"http://127.0.0.1:{upstream}" + ("" if way == "plain" else f"/{way}")


class LiteLLM:
    """LiteLLM's proxy: one worker, production mode, no database. Edits stand in for variations."""

    name = "litellm"

    def __init__(self, upstream: int) -> None:
        self._upstream, self._port = upstream, free_ports(1)[0]

    def command(self) -> list[str]:
        """With a model for each way."""
        entry = (
            "  - model_name: {kind}-{way}\n    litellm_params: {{model: openai/{model}, api_base: {vendor}/v1, "
            "api_key: sk-upstream}}\n    model_info: {{mode: {mode}}}\n"
        )
        kinds = (("chat", "upstream-model", "chat"), ("pictures", "dall-e-2", "image_generation"))
        models = "".join(
            entry.format(kind=kind, way=way, model=model, mode=mode, vendor=_vendor(self._upstream, way))
            for kind, model, mode in kinds
            for way in WAYS
        )
        config = written(self.name, "litellm.yaml", {"models": models})
        program = str(PEERS / "litellm" / "bin" / "litellm")
        return [
            program,
            "--config",
            str(config),
            "--port",
            str(self._port),
            "--host",
            "127.0.0.1",
            "--num_workers",
            "1",
        ]

    def environ(self) -> Mapping[str, str]:
        """What its own advice for production says; prices come with the package."""
        return {
            "LITELLM_LOG": "ERROR",
            "LITELLM_MODE": "PRODUCTION",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "PYTHONPATH": "",
        }

    def address(self, work: Work) -> Address | None:
        """Its route of edits asks for a prompt."""
        if work.way == "drip":
            return None
        if work.is_chat:
            return Address(self._port, route(work), _KEY, f"chat-{work.way}")
        return Address(self._port, "/v1/images/edits", _KEY, f"pictures-{work.way}", {"prompt": "the same"}, "edits")


class Portkey:
    """Portkey's gateway on Node. Transcriptions stand in for variations; it breaks off streams on this Node."""

    name = "portkey"

    def __init__(self, upstream: int) -> None:
        self._upstream, self._port = upstream, free_ports(1)[0]

    def command(self) -> list[str]:
        """It has no configuration."""
        program = PEERS / "portkey/node_modules/@portkey-ai/gateway/build/start-server.js"
        return ["node", str(program), f"--port={self._port}", "--headless"]

    def environ(self) -> Mapping[str, str]:
        """Production."""
        return {"NODE_ENV": "production"}

    def address(self, work: Work) -> Address | None:
        """Where to go is told it in headers."""
        if work.is_stream or work.way == "drip":
            return None
        vendor = {"x-portkey-provider": "openai", "x-portkey-custom-host": f"{_vendor(self._upstream, work.way)}/v1"}
        path, told = (route(work), "") if work.is_chat else ("/v1/audio/transcriptions", "transcriptions")
        return Address(self._port, path, {"Authorization": "Bearer sk-upstream", **vendor}, "upstream-model", told=told)


class Rolter:
    """rolter, written in Rust. Transcriptions stand in for variations."""

    name = "rolter"

    def __init__(self, upstream: int) -> None:
        self._upstream, self._port = upstream, free_ports(1)[0]

    def command(self) -> list[str]:
        """With a model for each way."""
        vendors = "".join(
            f'[[providers]]\nname = "{way}"\nkind = "openai_compatible"\n'
            f'api_base = "{_vendor(self._upstream, way)}"\n\n'
            for way in WAYS
        )
        routes = "".join(
            f'[[routes]]\nmodel = "{way}"\nstrategy = "round_robin"\n'
            f'[[routes.targets]]\nprovider = "{way}"\nmodel = "upstream-model"\n\n'
            for way in WAYS
        )
        config = written(self.name, "rolter.toml", {"port": self._port, "models": vendors + routes})
        program = str(PEERS / "rolter" / "bin" / "rolter")
        return [program, "gateway", "--config", str(config), "--port", str(self._port), "--host", "127.0.0.1"]

    def environ(self) -> Mapping[str, str]:
        """Few words."""
        return {"RUST_LOG": "error"}

    def address(self, work: Work) -> Address | None:
        """A model for each way."""
        if work.way == "drip":
            return None
        path, told = (route(work), "") if work.is_chat else ("/v1/audio/transcriptions", "transcriptions")
        return Address(self._port, path, _KEY, work.way, told=told)
