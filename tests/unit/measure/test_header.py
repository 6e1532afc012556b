"""What a journal's first line tells, and what it must not."""

from joulewise.core.settings import Settings
from joulewise.measure.header import header_of, public_settings
from joulewise.measure.job import Job


def test_no_password_reaches_a_journal():
    settings = Settings(
        ledger="postgresql://me:hunter2@db/joulewise",
        prometheus_url="https://me:hunter2@metrics.example:9090/api?x=a@b",
        redfish_url="https://bmc.example/redfish",
        zone="DE",
    )
    kept = public_settings(settings)
    assert "hunter2" not in str(kept)
    assert kept["prometheus_url"] == "https://metrics.example:9090/api?x=a@b"
    assert kept["redfish_url"] == "https://bmc.example/redfish"
    assert kept["zone"] == "DE"
    assert not {"ledger", "spool", "origins"} & kept.keys()


def test_a_header_says_who_what_where_and_when():
    identity = {"run_id": "R", "parent_id": None, "group_key": None, "leads": True}
    header = header_of(Job(name="n", command=("a", "b")), Settings(), {"RANK": "3"}, identity, None, [])
    assert (header["run_id"], header["name"], header["process"]["command"]) == ("R", "n", ["a", "b"])
    assert header["process"]["environment"] == {"RANK": "3"}
    assert 0 < header["share"] <= 1
    assert header["wall_us"] > header["monotonic_us"]
