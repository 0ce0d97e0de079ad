from pathlib import Path

import pytest

from tests.cli.command import run

CONFIGS = Path(__file__).parents[1] / "assembly" / "importing" / "configs"
SMALL = """\
model_list:
  - model_name: pictures
    litellm_params: {model: openai/gpt-image-2, api_key: os.environ/OPENAI_API_KEY}
"""


def test_a_configuration_on_stdout_and_a_report_on_stderr(here: Path) -> None:
    here.joinpath("litellm.yaml").write_text(SMALL)
    done = run("import", "litellm", "litellm.yaml")
    assert done.exit_code == 0
    assert "target: openai/gpt-image-2" in done.stdout
    assert "model_list[0]: taken over: it is the target openai/gpt-image-2 of the model 'pictures'." in done.stderr
    assert done.stderr.endswith("Left out: 0. To do: 1. Everything else was taken over.\n")


def test_what_is_written_to_a_file_is_sound(here: Path) -> None:
    done = run("import", "litellm", CONFIGS / "load_balancing.yaml", "--output", "gateway.yaml")
    assert (done.exit_code, done.stdout) == (0, "")
    checked = run("config", "check", here / "gateway.yaml")
    assert (checked.exit_code, "is sound. Models: 5, accounts: 4." in checked.stdout) == (0, True)


@pytest.mark.parametrize(("config", "code"), [(SMALL, 0), (SMALL + "mcp_servers: {a: {url: b}}\n", 1)])
def test_strict_minds_what_was_left_out(here: Path, config: str, code: int) -> None:
    here.joinpath("litellm.yaml").write_text(config)
    assert run("import", "litellm", "litellm.yaml").exit_code == 0
    assert run("import", "litellm", "litellm.yaml", "--strict").exit_code == code


def test_what_cannot_be_served_is_written_and_told(here: Path) -> None:
    here.joinpath("litellm.yaml").write_text("model_list: [{model_name: a, litellm_params: {model: nobody/knows}}]")
    done = run("import", "litellm", "litellm.yaml")
    assert done.exit_code == 1
    assert done.stdout.startswith("auth:")
    assert "This cannot be served yet:\n" in done.stderr
    assert "models: no model can be named" in done.stderr


def test_an_ugly_one_hides_its_secrets() -> None:
    done = run("import", "litellm", CONFIGS / "ugly.yaml")
    assert done.exit_code == 0
    assert "sk-plain" not in done.output
    assert "pass" not in done.output


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"model_list: [", "line 1: not valid YAML"),
        (b"- a list", "this is no configuration: expected sections such as `model_list`."),
        (b"", "this is no configuration"),
        (b"\xff\xfe", "litellm.yaml: is not UTF-8 text"),
        (b"a: 1\na: 2", "line 2: not valid YAML: `a` is written twice."),
        (b"#" * (1024 * 1024 + 1), "litellm.yaml: is larger than 1 MiB"),
    ],
)
def test_what_is_no_configuration(here: Path, content: bytes, says: str) -> None:
    here.joinpath("litellm.yaml").write_bytes(content)
    done = run("import", "litellm", "litellm.yaml")
    assert (done.exit_code, done.stdout) == (2, "")
    assert says in done.stderr


def test_a_file_that_is_not_there() -> None:
    done = run("import", "litellm", "nowhere.yaml")
    assert (done.exit_code, done.stderr) == (2, "nowhere.yaml: cannot be read: No such file or directory\n")
