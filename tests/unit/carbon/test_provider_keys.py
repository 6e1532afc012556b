"""Keys come from the environment or a keyring, and show themselves nowhere."""

from __future__ import annotations

import pickle

import pytest

from joulewise.carbon.keys import Key, ask_keyring, key_of
from joulewise.core.errors import ProviderUnavailable


def no_ring(service: str, name: str) -> None:
    return None


def test_the_environment_comes_first() -> None:
    found = key_of("eia", "key", {"JOULEWISE_EIA_KEY": " open sesame\n"}, lambda service, name: "other")
    assert found.reveal() == "open sesame"


def test_the_keyring_is_asked_by_service_and_name() -> None:
    asked = []

    def ring(service: str, name: str) -> str:
        asked.append((service, name))
        return "from the ring"

    assert key_of("watttime", "password", {}, ring).reveal() == "from the ring"
    assert asked == [("joulewise", "watttime_password")]


def test_without_a_key_the_cure_names_both_places() -> None:
    with pytest.raises(ProviderUnavailable, match="no entsoe_token is known") as caught:
        key_of("entsoe", "token", {}, no_ring)
    assert "JOULEWISE_ENTSOE_TOKEN" in caught.value.hint
    assert "keyring set joulewise entsoe_token" in caught.value.hint


@pytest.mark.parametrize("text", ["schl\u00fcssel", "a\nb: c", "a\x00b"])
def test_what_can_not_be_a_key_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ProviderUnavailable, match="no key has") as caught:
        key_of("eia", "key", {"JOULEWISE_EIA_KEY": text}, no_ring)
    assert text not in str(caught.value)


def test_a_key_does_not_show_itself() -> None:
    key = Key("open sesame")
    assert "sesame" not in f"{key} {key!r} {[key]}"
    with pytest.raises(TypeError):
        pickle.dumps(key)


def test_without_a_keyring_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    assert ask_keyring("joulewise", "eia_key") is None
