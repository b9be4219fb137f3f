import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from segue.git.webhook import BODY_SIZE_MAX, Accepted, Refused, ReplayGuard, sign, verify

SECRET = "It's a Secret to Everybody"
BODY = b"Hello, World!"
# The example in GitHub's documentation of how deliveries are signed.
SIGNATURE = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

GENUINE = {
    "github": ({"x-hub-signature-256": f"sha256={SIGNATURE}", "x-github-delivery": "d1"}, Accepted("github", "d1")),
    "gitea": ({"x-gitea-signature": SIGNATURE, "x-gitea-delivery": "d2"}, Accepted("gitea", "d2")),
    "forgejo": (
        {"x-forgejo-signature": SIGNATURE, "x-gitea-signature": SIGNATURE, "x-forgejo-delivery": "d3"},
        Accepted("forgejo", "d3"),
    ),
    "gitlab": ({"x-gitlab-token": SECRET, "x-gitlab-event-uuid": "d4"}, Accepted("gitlab", "d4")),
    "bitbucket": ({"x-hub-signature": f"sha256={SIGNATURE}", "x-request-uuid": "d5"}, Accepted("bitbucket", "d5")),
    "generic": ({"x-segue-signature": f"sha256={SIGNATURE}"}, Accepted("generic", "")),
    "capital hex": ({"x-hub-signature-256": f"sha256={SIGNATURE.upper()}"}, Accepted("github", "")),
}
FORGED = {
    "nothing": {},
    "wrong signature": {"x-hub-signature-256": "sha256=" + "0" * 64},
    "no prefix": {"x-hub-signature-256": SIGNATURE},
    "sha1": {"x-hub-signature": "sha1=" + hmac.new(SECRET.encode(), BODY, hashlib.sha1).hexdigest()},
    "empty": {"x-hub-signature-256": ""},
    "not ascii": {"x-hub-signature-256": "sha256=ünï"},
    "surrogate": {"x-gitlab-token": "\udcff"},
    "wrong token": {"x-gitlab-token": SECRET + "x"},
    "token beside a good signature": {"x-gitlab-token": "x", "x-hub-signature-256": f"sha256={SIGNATURE}"},
}


@pytest.mark.parametrize(("headers", "verdict"), GENUINE.values(), ids=GENUINE.keys())
def test_a_genuine_delivery_is_accepted(headers: dict[str, str], verdict: Accepted):
    assert verify(headers, BODY, SECRET) == verdict


@pytest.mark.parametrize("headers", FORGED.values(), ids=FORGED.keys())
def test_a_forged_delivery_is_refused(headers: dict[str, str]):
    assert isinstance(verify(headers, BODY, SECRET), Refused)


def test_another_body_or_secret_is_refused():
    headers = {"x-segue-signature": sign(BODY, SECRET)}
    assert isinstance(verify(headers, BODY, SECRET), Accepted)
    assert isinstance(verify(headers, BODY + b" ", SECRET), Refused)
    assert isinstance(verify(headers, BODY, "other"), Refused)


def test_without_a_secret_nothing_is_accepted():
    assert verify({"x-gitlab-token": ""}, BODY, "") == Refused("no webhook secret is set")


def test_a_body_over_the_bound_is_refused():
    body = b"x" * (BODY_SIZE_MAX + 1)
    assert verify({"x-segue-signature": sign(body, SECRET)}, body, SECRET) == Refused("the body is too large")


@given(st.dictionaries(st.sampled_from(["x-hub-signature-256", "x-gitlab-token", "x-gitea-signature"]), st.text()))
def test_no_headers_make_it_fail(headers: dict[str, str]):
    assert isinstance(verify(headers, BODY, SECRET), Accepted | Refused)


def test_a_delivery_counts_once():
    guard = ReplayGuard()
    assert not guard.is_replay(Accepted("github", "d1"))
    assert guard.is_replay(Accepted("github", "d1"))
    assert not guard.is_replay(Accepted("gitea", "d1"))
    assert not guard.is_replay(Accepted("generic", ""))
    assert not guard.is_replay(Accepted("generic", ""))


def test_the_memory_of_deliveries_is_bounded():
    guard = ReplayGuard(size_max=2)
    for name in ("a", "b", "c"):
        guard.is_replay(Accepted("github", name))
    assert guard.is_replay(Accepted("github", "c"))
    assert not guard.is_replay(Accepted("github", "a"))
