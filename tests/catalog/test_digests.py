"""qbot.yaml's digests: what they become, and errors that name file, line and key."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from qbot.app.digests import plans
from qbot.domain.digest import DigestPlan, Section
from tests.catalog.test_catalog import GOOD, read, refusal, write

WITH = f"""{GOOD}zone: Europe/Berlin
digests:
  - channel: C05GENERAL1
  - channel: C05RELEAS3S
    cron: 30 7 * * mon
    zone: Asia/Tokyo
    sections: [approvals, barriers]
    chart: false
"""


def test_each_channel_has_a_plan_in_its_own_zone_or_that_of_the_file(tmp_path: Path) -> None:
    found = plans(read(write(tmp_path, WITH)))
    some = frozenset({Section.APPROVALS, Section.BARRIERS})
    berlin = ZoneInfo("Europe/Berlin")
    general = DigestPlan("C05GENERAL1", "0 9 * * mon-fri", berlin, chart=True)
    releases = DigestPlan("C05RELEAS3S", "30 7 * * mon", ZoneInfo("Asia/Tokyo"), some)
    assert found == {"C05GENERAL1": general, "C05RELEAS3S": releases}
    assert not plans(read(write(tmp_path, GOOD)))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("mon\n", "1\n", ":14: digests[1].cron: must name days of the week"),
        ("30 7 * * mon", "daily", ":14: digests[1].cron: must have five fields"),
        ("30 7 * * mon", "30 77 * * mon", ":14: digests[1].cron: is not in cron's form"),
        ("Asia/Tokyo", "Tokyo/Asia", ":15: digests[1].zone: there is no time zone"),
        ("C05RELEAS3S", "C05GENERAL1", ":13: digests[1].channel: C05GENERAL1 has a digest already"),
        ("C05RELEAS3S", "'#releases'", ":13: digests[1].channel: must be a channel's id"),
        ("cron:", "corn:", ":14: digests[1].corn: there is no such key; did you mean cron?"),
        ("approvals,", "aprovals,", ":16: digests[1].sections[0]: "),
        ("[approvals, barriers]", "[]", ":16: digests[1].sections: must have at least"),
    ],
)
def test_an_error_names_file_line_and_key(tmp_path: Path, old: str, new: str, says: str) -> None:
    path = write(tmp_path, WITH.replace(old, new))
    said = refusal(path)
    assert said.startswith(str(path))
    assert says in said
