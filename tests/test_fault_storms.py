"""Random faults over many worlds: what a scan says under faults it says without them too, or it says that it does not know.

A sample of what bench/storm.py runs in full; a failure names its seed.
"""

import pytest
from support.storm import SUBJECTS, falsehoods, storm, without_faults

from healthcheck.catalog import catalog

SEAM_SCANS, WIRE_SCANS = 300, 24


@pytest.mark.parametrize("seed", range(0, SEAM_SCANS, 10))
def test_faults_take_away_and_never_add(seed):
    wrong = [line for turn in range(seed, seed + 10) for line in storm(turn, "seam")]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("seed", range(0, WIRE_SCANS, 4))
def test_spoiled_packets_take_away_and_never_add(seed):
    wrong = [line for turn in range(seed, seed + 4) for line in storm(turn, "wire")]
    assert not wrong, "\n".join(wrong)


def test_the_storm_reaches_every_topic():
    topics = {catalog().checks[f.code].topic for n in range(len(SUBJECTS)) for f in without_faults(n).findings}
    assert topics >= {"mx", "spf", "dkim", "dmarc", "alignment", "ptr", "dnsbl"}


def test_a_falsehood_would_be_seen():
    """The judge of the storm is not blind: two scans of unlike domains differ in what they say."""
    domains = [subject[1] for subject in SUBJECTS]
    assert falsehoods(without_faults(domains.index("healthy.example")), without_faults(domains.index("listed.example")))
