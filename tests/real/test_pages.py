"""The pages in a real browser: Chromium drives them, axe-core looks for what keeps people out, and nothing runs off a small screen.

HEALTHCHECK_PICTURES=folder writes a picture of each page there (the README shows some).
"""

import os
import shutil
import tempfile
import threading
from pathlib import Path

import pytest
import waitress.server

from app import SERVER, create_app

pytestmark = pytest.mark.real

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-dev-shm-usage", "--disable-default-apps", "--no-proxy-server", "--window-size=1200,1000",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip
DMARC = "550-5.7.26 Unauthenticated email from shop.example is not accepted due to\n550-5.7.26 domain's DMARC policy.\n550 5.7.26 gsmtp"
PAGES = {
    "home": "/", "examine": "/examine", "refused": "/scan?domain=192.0.2.1", "report": "/scan?domain=shop.example&ip=203.0.113.77&selector=shop", "healthy": "/scan?domain=healthy.example",
    "halfway": "/scan?domain=halfway.example&ip=198.51.100.151&selector=mail&starttls=1", "everything": "/scan?domain=healthy.example&ip=192.0.2.25&selector=s1&helo=mail.healthy.example&starttls=1&profile=bulk",
    "parked": "/scan?domain=parked.example&profile=non-sending", "receiving": "/scan?domain=healthy.example&profile=receiving&topic=recipient&topic=mx", "nowhere": "/scan?domain=nowhere.healthy.example",
    "print-view": "/scan?domain=nodmarc.example&ip=192.0.2.121&view=print", "long": "/scan?domain=broken-spf.example&selector=mail", "codes": "/codes", "search": "/codes?q=mailbox+full", "code": "/codes/5.7.26", "check": "/checks/SPF004",
    "overloaded": "/codes/5.7.1", "own-code": "/codes/5.7.509", "receiver": "/receivers/microsoft", "software": "/receivers/postfix",
    "checks": "/checks", "cause": "/causes/auth-dmarc", "listed": "/causes/ip-blocklisted", "off-the-list": "/glossary/taking-off-a-suppression-list", "causes": "/causes", "glossary": "/glossary", "term": "/glossary/hard-bounce", "gone": "/nothing",
    "rates": "/rates", "judged": "/rates?sent=10000&hard=320&soft=90&complaint=40", "refused-figures": "/rates?sent=10&hard=nan", "many": "/rates/example",
}  # fmt: skip


class Site:
    def __init__(self, world=None, **config):
        self.app = create_app(world, config={"TESTING": True, "RATELIMIT_ENABLED": False, "DEMO": world is None, **config})
        self.server = waitress.server.create_server(self.app, host="127.0.0.1", port=0, **SERVER)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        self.at = f"http://127.0.0.1:{self.server.effective_port}"

    def close(self):
        desk = self.app.extensions["desk"]
        desk.close()
        desk._pool.shutdown(wait=True)  # a scan under way has sockets of its own
        self.server.close()
        self.server.task_dispatcher.shutdown()
        self.server.asyncore.close_all(self.server._map)
        self.thread.join(5)


@pytest.fixture(scope="module")
def site():
    site = Site(HURRY=20)
    yield site
    site.close()


@pytest.fixture(scope="module")
def slow():
    """Every scan shows its progress page first."""
    site = Site(HURRY=0)
    yield site
    site.close()


def open_browser(folder, script=True):
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in (*FLAGS, f"--user-data-dir={folder}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    if not script:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    return webdriver.Chrome(options=options, service=Service(DRIVER))


@pytest.fixture(scope="module")
def folder():
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        yield name


@pytest.fixture(scope="module")
def browser(folder):
    if not BROWSER or not DRIVER:
        pytest.skip("no chromium and chromedriver on this machine (Debian: chromium, chromium-driver)")
    browser = open_browser(f"{folder}/one")
    browser.set_script_timeout(30)
    yield browser
    browser.quit()


@pytest.fixture(autouse=True)
def quiet(browser):
    """A page that the browser complains about (a blocked script or style, an error) is a failure."""
    browser.get_log("browser")
    yield
    said = [row["message"] for row in browser.get_log("browser") if row["level"] == "SEVERE" and " status of 4" not in row["message"]]
    assert not said


def see(browser, width, dark=False):
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600})


def find(browser, selector):
    return browser.find_element("css selector", selector)


def until(browser, condition, seconds=60):
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(browser, seconds).until(condition)


def violations(browser):
    from axe_selenium_python import Axe

    axe = Axe(browser)
    axe.inject()
    found = axe.run()["violations"]
    return [(v["id"], [node["html"][:160] for node in v["nodes"]][:3]) for v in found]


def picture(browser, name):
    if target := os.environ.get("HEALTHCHECK_PICTURES"):
        browser.save_screenshot(str(Path(target) / f"{name}.png"))


def judged(browser, name):
    """Wide and light, wide and dark, narrow: nothing that axe-core objects to, nothing off the side."""
    for width, dark in ((1200, False), (1200, True), (360, False), (360, True)):
        see(browser, width, dark)
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width, f"{name} scrolls sideways at {width}"
        picture(browser, f"{name}-{width}{'-dark' if dark else ''}")
        if width == 1200 or not dark:
            assert violations(browser) == [], f"{name}, {width}, {'dark' if dark else 'light'}"
    see(browser, 1200)


@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_open_to_everyone(browser, site, name):
    see(browser, 1200)
    browser.get(site.at + PAGES[name])
    for details in browser.find_elements("css selector", "details"):
        browser.execute_script("arguments[0].open = true", details)
    judged(browser, name)


BLOCKED = "550 5.7.1 Unfortunately, messages from [192.0.2.25] weren't sent. Part of their network is on our block list (S3140). [x.eop-EUR02.prod.protection.outlook.com]"


def test_a_refusal_names_where_to_ask(browser, site):
    see(browser, 1200)
    browser.get(site.at)
    find(browser, "#text").send_keys(BLOCKED)
    find(browser, "#explain .go").click()
    until(browser, lambda b: b.find_elements("css selector", ".pages a"))
    assert find(browser, ".pages a").get_attribute("href") == "https://olcsupport.office.com/"
    judged(browser, "diagnosis-pages")


@pytest.mark.parametrize("sample", ["dmarc-reject", "user-unknown", "no-reason", "dmarc-dsn"])
def test_a_sample_is_one_click(browser, site, sample):
    see(browser, 1200)
    browser.get(site.at)
    find(browser, f"button[value='{sample}']").click()
    until(browser, lambda b: b.find_elements("css selector", ".headline h2"))
    assert browser.find_elements("css selector", "mark")
    judged(browser, f"diagnosis-{sample}")


def test_a_domain_is_typed_and_its_report_read(browser, site):
    browser.get(site.at)
    find(browser, "#domain").send_keys("  Healthy.Example. ")
    find(browser, "#scan .go").click()
    until(browser, lambda b: b.find_elements("css selector", ".verdict"))
    assert find(browser, "h1").text == "healthy.example"
    find(browser, ".actions button").click()
    until(browser, lambda b: b.current_url.endswith("/scan?domain=healthy.example"))


def test_a_room_opens_where_a_link_leads_into_it(browser, site):
    see(browser, 1200)
    browser.get(site.at + PAGES["halfway"])
    rooms = {r.find_element("css selector", ".anchor").get_attribute("id"): r for r in browser.find_elements("css selector", ".room")}
    assert rooms["topic-mta-sts"].get_attribute("open")
    assert not rooms["topic-dane"].get_attribute("open")
    find(browser, '.cards a[href="#topic-dane"]').click()
    until(browser, lambda _: rooms["topic-dane"].get_attribute("open"))
    top = browser.execute_script("return arguments[0].getBoundingClientRect().top", rooms["topic-dane"])
    assert -5 < top < 700
    for link in browser.find_elements("css selector", ".first li a"):
        link.click()
        target = find(browser, link.get_attribute("href")[link.get_attribute("href").index("#") :])
        until(browser, lambda _, target=target: target.is_displayed() or target.tag_name == "span")
    find(browser, "[data-open-all]").click()
    assert all(r.get_attribute("open") for r in browser.find_elements("css selector", ".room"))
    find(browser, "[data-open-all]").click()
    assert not any(r.get_attribute("open") for r in browser.find_elements("css selector", ".room"))


def test_a_room_is_opened_by_keyboard(browser, site):
    from selenium.webdriver import Keys

    browser.get(site.at + PAGES["healthy"])
    summary = find(browser, ".room > summary")
    for _ in range(2):
        summary.send_keys(Keys.ENTER)
    assert not find(browser, ".room").get_attribute("open")
    summary.send_keys(Keys.SPACE)
    assert find(browser, ".room").get_attribute("open")


def test_on_paper_all_of_it_stands_open_and_nothing_leads_away(browser, site):
    see(browser, 720)
    browser.get(site.at + PAGES["everything"])
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        hidden = "return [...document.querySelectorAll(arguments[0])].filter((e) => !e.checkVisibility()).length"
        assert browser.execute_script(hidden, ".finding, .passed > li, .picture, .matrix td, .asks li") == 0
        for gone in (".top nav", ".actions", ".judged", "footer", ".copy", "[data-open-all]"):
            assert not [e for e in browser.find_elements("css selector", gone) if e.is_displayed()], gone
        after = browser.execute_script("return getComputedStyle(document.querySelector('.asks ~ h3 a, .sheet h3 a'), '::after').content")
        assert "https://" in after
        assert find(browser, ".only-print").text.startswith(site.at + "/scan?domain=healthy.example")
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 720
        paper = browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
        assert len(paper["data"]) > 50000
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_the_logo_comes_from_the_page_and_is_drawn(browser, site):
    browser.get(site.at + PAGES["everything"])
    logo = find(browser, ".logo img")
    assert logo.get_attribute("src").startswith("data:image/svg+xml;base64,")
    browser.execute_script("arguments[0].closest('details').open = true", logo)
    assert browser.execute_script("return arguments[0].complete && arguments[0].naturalWidth > 0", logo)
    loaded = browser.execute_script("return performance.getEntriesByType('resource').map((r) => r.name)")
    assert all(name.startswith((site.at, "data:")) for name in loaded), loaded


MESSAGES = Path(__file__).resolve().parents[1] / "messages"
SHOP = (MESSAGES / "forwarded.eml").read_text(encoding="utf-8").replace("example.com", "shop.example").replace("12:00:30", "15:00:30")


def examined(browser, site, text, **ticked):
    """The page of a message, pasted into the form."""
    browser.get(site.at + "/examine")
    browser.execute_script("document.querySelector('#text').value = arguments[0]", text)
    for box in ticked:
        find(browser, f"#{box}").click()
    find(browser, "#examine .go").click()
    return until(browser, lambda b: b.find_element("css selector", "#h-what"))


@pytest.mark.parametrize("name", ["forwarded", "dsn-postfix", "microsoft365", "newsletter", "shop", "long", "nonsense"])
def test_a_message_is_examined_by_everyone(browser, site, name):
    texts = {"shop": SHOP, "long": SHOP.replace("fwd.", f"{'a' * 60}.{'b' * 60}."), "nonsense": "hello there"}
    see(browser, 1200)
    text = texts.get(name) or (MESSAGES / f"{name}.eml").read_text(encoding="utf-8")
    examined(browser, site, text, **({} if name == "shop" else {"offline": True}))
    for details in browser.find_elements("css selector", "details"):
        browser.execute_script("arguments[0].open = true", details)
    judged(browser, f"examination-{name}")
    shown = [svg.get_attribute("class") for svg in browser.find_elements("css selector", ".journey svg[role=img]") if svg.is_displayed()]
    assert shown == ([] if name == "nonsense" else ["wide"])
    see(browser, 360)
    shown = [svg.get_attribute("class") for svg in browser.find_elements("css selector", ".journey svg[role=img]") if svg.is_displayed()]
    assert shown == ([] if name == "nonsense" else ["narrow"])
    see(browser, 1200)


def test_no_words_of_the_picture_run_into_one_another_or_out_of_it(browser, site):
    for width in (1200, 360):
        see(browser, width)
        examined(browser, site, SHOP.replace("fwd.", f"{'a' * 60}.{'b' * 60}."), offline=True)
        boxes = browser.execute_script(
            "return [...document.querySelectorAll('.journey svg')].filter((s) => s.checkVisibility()).flatMap((s) => { const o = s.getBoundingClientRect();"
            " return [...s.querySelectorAll('text')].map((t) => { const b = t.getBoundingClientRect(); return [b.top - o.top, b.bottom - o.top, b.right - o.right, o.height]; }); })"
        )
        assert len(boxes) >= 8
        assert all(right <= 1 and bottom <= height + 1 for _, bottom, right, height in boxes)
        for above, below in zip(sorted(boxes), sorted(boxes)[1:], strict=False):
            assert below[0] >= above[1] - 4
    see(browser, 1200)


def test_a_message_leads_to_the_scan_and_a_bounce_to_its_explanation(browser, site):
    see(browser, 1200)
    examined(browser, site, SHOP)
    assert not find(browser, "#f-own").is_selected()
    find(browser, "#f-mail-from").clear()
    find(browser, "form[action='/scan'] .go").click()
    until(browser, lambda b: b.find_elements("css selector", ".verdict"))
    assert find(browser, "h1").text == "shop.example"
    assert "203.0.113.9" not in browser.current_url
    notice = (MESSAGES / "dsn-postfix.eml").read_text(encoding="utf-8").replace("example.com", "shop.example")
    examined(browser, site, notice, offline=True)
    find(browser, "button[form=again]").click()
    until(browser, lambda b: b.find_elements("css selector", ".failure h2"))
    find(browser, "form[action='/examine'] .go").click()
    assert "said no" in until(browser, lambda b: b.find_element("css selector", "#h-what")).text


NAME = "a" * 60
LONG = f"""
@ IN MX 10 {NAME}.{NAME}.{NAME}
{NAME}.{NAME}.{NAME} IN A 192.0.2.1
@ IN TXT "v=spf1 include:{NAME}.{NAME}.{NAME}.test " "{" ".join(f"ip6:2001:db8:{n:x}::/48" for n in range(9))} -all"
_dmarc IN TXT "v=DMARC1; p=none; rua=mailto:{NAME}@{NAME}.{NAME}.test"
_mta-sts IN TXT "v=STSv1; id={"9" * 32}"
mta-sts IN A 192.0.2.2
_smtp._tls IN TXT "v=TLSRPTv1; rua=https://{NAME}.test/{"x" * 120}"
default._bimi IN TXT "v=BIMI1; l=https://{NAME}.test/{"x" * 120}.svg"
_25._tcp.{NAME}.{NAME}.{NAME} IN TLSA 3 1 1 {"ab" * 32}
s1._domainkey IN TXT "v=DKIM1; k=rsa; p={"A" * 200}" "{"B" * 192}"
"""


def test_long_names_and_records_run_off_no_screen(browser, tmp_path):
    from support import world_of

    world = world_of(tmp_path, {"long.test": LONG})
    site = Site(world, HURRY=20)
    try:
        see(browser, 1200)
        browser.get(f"{site.at}/scan?domain=long.test&ip=192.0.2.1&selector=s1&helo={NAME}.{NAME}.test&view=print")
        assert len(browser.find_elements("css selector", ".room[open]")) > 10
        judged(browser, "long-names")
    finally:
        site.close()
        world.close()


def test_progress_turns_into_the_report_by_itself(browser, slow):
    browser.get(f"{slow.at}/scan?domain=nodmarc.example&ip=192.0.2.121")
    until(browser, lambda b: b.find_elements("css selector", ".verdict"))
    assert "nodmarc.example" in browser.title


def test_evidence_arrives_by_itself_and_the_paste_stays(browser, slow):
    browser.get(slow.at)
    find(browser, "#text").send_keys(DMARC)
    find(browser, "#explain details summary").click()
    find(browser, "#x-ip").send_keys("203.0.113.77")
    find(browser, "#explain .go").click()
    until(browser, lambda b: b.find_elements("css selector", ".found") and not b.find_elements("css selector", "[data-pending]"))
    assert "Being looked up" not in find(browser, ".found").text
    assert "Unauthenticated" in find(browser, ".paste").text


def test_a_record_is_copied_with_one_click(browser, site):
    browser.get(site.at + PAGES["report"])
    button = find(browser, ".record [data-copy]")
    assert button.is_displayed()
    button.click()
    until(browser, lambda _: button.text in ("Copied", "Selected"))


def test_the_keyboard_reaches_what_the_mouse_does(browser, site):
    from selenium.webdriver import ActionChains, Keys

    browser.get(site.at)
    seen = []
    for _ in range(20):
        ActionChains(browser).send_keys(Keys.TAB).perform()
        seen.append(browser.execute_script("return document.activeElement.id || document.activeElement.textContent.trim().slice(0, 30)"))
        assert browser.execute_script("return getComputedStyle(document.activeElement).outlineStyle") != "none", seen[-1]
    assert seen[0] == "To the content"
    assert {"text", "file", "Explain it"} <= set(seen)


def test_the_reference_is_walked_by_keyboard(browser, site):
    """Tab to the search, to the jump links, into a section, to a code; a jump takes the place of the next tab along."""
    from selenium.webdriver import ActionChains, Keys

    def press(key):
        ActionChains(browser).send_keys(key).perform()

    def focused():
        return browser.execute_script("const a = document.activeElement; return a.id || a.getAttribute('href') || a.textContent.trim()")

    see(browser, 1200)
    browser.get(site.at + "/codes")
    seen = []
    while focused() != "#receivers":
        press(Keys.TAB)
        seen.append(focused())
        assert len(seen) < 20, seen
    assert "q" in seen
    press(Keys.ENTER)
    press(Keys.TAB)
    assert focused().startswith("/receivers/"), "the section that was jumped to goes on with its first link"
    press(Keys.ENTER)
    until(browser, lambda b: "/receivers/" in b.current_url)
    find(browser, "details summary").send_keys(Keys.ENTER)
    until(browser, lambda b: find(b, "nav.jump a").is_displayed())


def test_a_wording_is_reached_by_its_own_address(browser, site):
    see(browser, 1200)
    browser.get(f"{site.at}/codes?q=S3140")
    find(browser, ".hits a").click()
    until(browser, lambda b: "#block-list-s3140" in b.current_url)
    assert "S3140" in find(browser, "li:target").text
    assert browser.execute_script("return document.querySelector('li:target').getBoundingClientRect().top") < 900


def test_everything_works_without_javascript(site, slow, folder, browser):
    plain = open_browser(f"{folder}/two", script=False)
    try:
        plain.get(f"{slow.at}/scan?domain=saas.example")
        until(plain, lambda b: b.find_elements("css selector", ".verdict"))  # by its refresh
        plain.get(site.at + PAGES["halfway"])
        assert not find(plain, "[data-open-all]").is_displayed()
        find(plain, ".room:not([open]) > summary").click()
        assert find(plain, ".room .picture, .room .passed, .room .finding").is_displayed()
        plain.get(site.at + PAGES["print-view"])
        assert all(d.get_attribute("open") for d in plain.find_elements("css selector", "details"))
        plain.get(site.at)
        assert not [b for b in plain.find_elements("css selector", "[data-copy]") if b.is_displayed()]
        plain.find_element("css selector", "#text").send_keys("550 5.1.1 <nobody@recipient.example>: User unknown")
        plain.find_element("css selector", "#explain .go").click()
        assert until(plain, lambda b: b.find_elements("css selector", ".headline h2"))
        plain.get(site.at + "/examine")
        plain.find_element("css selector", "#text").send_keys(SHOP.replace("\t", " "))  # a tab would leave the field
        plain.find_element("css selector", "#examine .go").click()
        until(plain, lambda b: b.find_elements("css selector", ".joins li"))
        find(plain, ".method details > summary").click()
        assert find(plain, ".method details .value").is_displayed()
        plain.get(slow.at)
        plain.find_element("css selector", "button[value='dmarc-reject']").click()
        until(plain, lambda b: b.find_elements("css selector", ".headline h2") and not b.find_elements("css selector", "[data-pending]"))
    finally:
        plain.quit()
