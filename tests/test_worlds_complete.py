"""Each code of a finding has a world where it must appear, and one where it must not: the tables of the topics' tests, read together."""

import test_bimi as bimi
import test_checks_auth as auth
import test_checks_net as net
import test_dane as dane
import test_dkim_find as find
import test_dmarc_cases as dmarc
import test_dnsbl_lists as lists
import test_dnssec as dnssec
import test_examine as messages
import test_mta_sts as mta_sts
import test_nameservers as nameservers
import test_profiles as profiles
import test_ptr_helo as helo
import test_recipient as recipient
import test_slips as slips
import test_spf_deep as deep
import test_starttls as starttls
import test_tls_rpt as tls_rpt

from healthcheck.catalog import catalog

# (codes that must appear, codes that must not), whatever else a table's row says
TABLES = [
    *((must, must_not) for _, _, _, must, must_not in auth.CASES),
    *((must, must_not) for _, _, must, must_not in deep.CASES),
    *dmarc.TABLES,
    *((must, must_not) for _, must, must_not in net.MX),
    *((must, must_not) for _, must, must_not, _ in net.PTR),
    *((must, must_not) for _, _, _, must, must_not, _ in net.DNSBL),
    *(({code}, {code}) for *_, code in net.UNANSWERED),
    net.WITHOUT_ADDRESS,
    *((must, must_not) for *_, must, must_not in bimi.CASES + bimi.CERTIFICATES + bimi.FAILING),
    *((must, must_not) for *_, must, must_not in mta_sts.CASES + mta_sts.FAILING),
    *((must, must_not) for *_, must, must_not in tls_rpt.CASES + tls_rpt.FAILING),
    *find.TABLES,
    *lists.TABLES,
    *messages.TABLES,
    *dnssec.TABLES,
    *dane.TABLES,
    *nameservers.TABLES,
    *helo.TABLES,
    *((must, must_not) for *_, must, must_not in profiles.CASES),
    *starttls.TABLES,
    *recipient.TABLES,
    *slips.TABLES,
]


def missing(which: int) -> set[str]:
    return set(catalog().checks) - {code for row in TABLES for code in row[which]}


def test_every_code_has_a_world_where_it_must_appear():
    assert not missing(0), f"no test has a world where {', '.join(sorted(missing(0)))} must appear"


def test_every_code_has_a_world_where_it_must_not_appear():
    assert not missing(1), f"no test has a world where {', '.join(sorted(missing(1)))} must not appear"


def test_the_tables_name_codes_that_there_are():
    assert not {code for row in TABLES for codes in row for code in codes} - set(catalog().checks)
