import time

import pytest

from torana.policy.guardrails.leaks import LEAKS, leaks

A = "a1B2c3D4e5F6g7H8i9J0" * 3
JWT = f"eyJ{A}.eyJ{A}.{A}"
BLOCK = f"-----BEGIN RSA PRIVATE KEY-----\n{A}\n{A}\n-----END RSA PRIVATE KEY-----"
SECRETS = {
    "AKIA" + "IOSFODNN7EXAMPLE": "AWS access key",
    "aws_secret_access_key = " + "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY": "AWS secret key",
    BLOCK: "private key",
    BLOCK.replace("RSA ", ""): "private key",
    "-----BEGIN OPENSSH PRIVATE KEY-----": "private key",
    "ghp_" + A[:36]: "GitHub token",
    "github_pat_" + A: "GitHub token",
    "glpat-" + A[:20]: "GitLab token",
    "xoxb-" + "123456789012-" + A[:24]: "Slack token",
    "sk-ant-api03-" + A: "Anthropic key",
    "sk-proj-" + A: "OpenAI key",
    "sk-" + A[:48]: "OpenAI key",
    "AIza" + A[:35]: "Google key",
    "sk_live_" + A[:24]: "Stripe key",
    "hf_" + A[:34]: "Hugging Face token",
    "npm_" + A[:36]: "npm token",
    JWT: "JSON web token",
}


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("around", ["{}", "the key is {}, keep it", '"{}"', "x={}\n"])
def test_a_secret_is_found_whole(secret, around):
    text = around.format(secret)
    begin = text.index(secret)
    assert list(leaks(text)) == [(SECRETS[secret], begin, begin + len(secret))]


@pytest.mark.parametrize(
    "text",
    [
        "task-force " * 9,
        "risk-" + A,
        "AKIA is a prefix",
        "eyJ",
        "sk-learn",
        "AKIAIOSFODNN7EXAMPLEandmore",
        "xox",
        "----- BEGIN",
    ],
)
def test_what_is_none(text):
    assert list(leaks(text)) == []


@pytest.mark.parametrize("piece", [begin for leak in LEAKS for begin in leak.begins])
@pytest.mark.parametrize("end", ["", " ", "aaaaaaaaaaaa.", " PRIVATE KEY-----"])
def test_no_text_takes_long(piece, end):
    text = (piece + end) * (200_000 // len(piece + end))
    begin = time.perf_counter()
    list(leaks(text))
    assert time.perf_counter() - begin < 2


@pytest.mark.parametrize("leak", LEAKS, ids=lambda leak: leak.begins[0])
def test_every_expression_is_one_and_is_compiled_once(leak):
    assert leak.pattern.pattern == leak.expression
    assert leak.pattern is leak.pattern
