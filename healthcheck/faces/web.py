"""The pages. Parse, call one function, render; they work without JavaScript."""

from __future__ import annotations

import gzip
import tomllib
from functools import cache
from typing import Any

from flask import Blueprint, Flask, Response, abort, current_app, make_response, redirect, render_template, request, url_for

from ..catalog import DATA, catalog
from ..errors import InputError, TooLargeError
from ..model import MAX_INPUT, Diagnosis, Failure, Kind
from ..profiles import profiles, requirements, weighed
from ..profiles import receivers as receivers_asking
from ..profiles import words as asks
from ..render import json as as_json
from ..render import lookup, pictures, receivers, report_page, services, words
from . import forms
from .api import checked, desk
from .jobs import Case, Job

web = Blueprint("web", __name__)
AGAIN = 1 << 16  # characters of a pasted text that a page repeats in a form
KNOWLEDGE = frozenset(f"web.{name}" for name in ("codes", "code", "receiver", "service", "causes", "cause", "checks", "check", "glossary", "term"))
ASK_MORE = ("no-sender", "no-ip", "no-selector", "pending")  # evidence that might say more if more were known of the sender
MARKED = 50  # failures whose words are marked in the pasted text


def register(app: Flask) -> None:
    """The routes, and what the templates may call."""
    app.register_blueprint(web)
    app.jinja_env.globals.update(word=words.word, verdict_words=words.verdict, profiles=profiles, asks=asks, catalog=catalog)
    app.jinja_env.globals.update(retry_words=words.retry, esp_name=_esp_name, ORDER=words.ORDER, say=report_page.say)
    app.jinja_env.filters.update(time_span=words.span_of_time, bare_url=words.bare_url)


@web.app_context_processor
def _shared() -> dict[str, Any]:
    return {"demo": bool(current_app.config["DEMO"])}


@web.after_request
def _packed(response: Response) -> Response:
    """The pages of the knowledge base go out packed: they hold nothing of the one who asks that their length could give away."""
    if request.endpoint in KNOWLEDGE and response.status_code == 200 and not response.direct_passthrough:
        response.vary.add("Accept-Encoding")
        if request.accept_encodings["gzip"] > 0:
            response.set_data(gzip.compress(response.get_data(), 6, mtime=0))
            response.content_encoding = "gzip"
    return response


@cache
def samples() -> dict[str, Any]:
    """The samples of the home page, from data/demo/samples.toml; none where there is no such file."""
    try:
        return tomllib.loads((DATA / "demo" / "samples.toml").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


def _esp_name(id_: str) -> str:
    known = catalog().services.get(id_) or catalog().esps.get(id_)
    return known.name if known else id_


@web.get("/")
def home() -> str:
    return _home()


def _home(**given: Any) -> str:
    return render_template("home.html", samples=samples() if current_app.config["DEMO"] else {}, **given)


# ------------------------------------------------------------------ scan


def _refused(fault: InputError, box: str) -> Response:
    """The home page again, with what was entered into this box and what is wrong with it."""
    return make_response(_home(fault=fault, given=request.values.to_dict(), box=box), 413 if isinstance(fault, TooLargeError) else 400)


@web.get("/scan")
def scan() -> Response | str:
    """Starts a scan, or joins it; answers at once, with the report where it is ready soon enough."""
    try:
        wanted = forms.wanted(request.args)
    except InputError as fault:
        return _refused(fault, box="scan")
    job = desk().scan(wanted)
    job.wait(current_app.config["HURRY"])
    if job.fault:
        raise job.fault
    if job.report is None:
        return render_template("progress.html", wanted=wanted, job=job, topics=_topics(job), poll=forms.address(wanted, "web.progress"))
    report = as_json.report(job.report)
    spf = report["facts"].get("spf") or {}
    return render_template(
        "report.html",
        report=report,
        page=report_page.view(report),
        receivers=receivers_asking(),
        requirements=requirements(),
        open_all=request.args.get("view") == "print",
        printed=forms.address(wanted, view="print"),
        connected=forms.address(wanted, starttls="1"),
        tree=pictures.tree_rows(spf.get("tree")),
        gauge=pictures.gauge(spf.get("lookups"), 10),
        wanted=wanted,
        share=forms.address(wanted),
        api=forms.address(wanted, "api.scan"),
        others=[(profile, forms.address(wanted, profile=profile.id)) for profile in profiles().values()],
    )


@web.post("/scan")
def scan_again() -> Response:
    """A new scan of the same inputs, then its page."""
    try:
        wanted = forms.wanted(request.form)
    except InputError as fault:
        return _refused(fault, box="scan")
    desk().scan(wanted, again=True)
    return make_response(redirect(forms.address(wanted), 303))


@web.get("/scan/progress")
def progress() -> Response:
    """The list of topics alone, for the script; X-Over says that the report is there."""
    try:
        wanted = forms.wanted(request.args)
    except InputError as fault:
        abort(400, fault.detail)
    job = desk().scan(wanted)
    response = make_response(render_template("_progress.html", topics=_topics(job), job=job))
    response.headers["X-Over"] = "1" if job.over else "0"
    return response


def _topics(job: Job) -> list[dict[str, Any]]:
    """Every topic of the scan with its state, in the order in which a report shows them."""
    from ..checks import wished

    return [{"topic": t, "done": t in job.done, "verdict": job.done.get(t, "")} for t in wished(job.wanted)]


# ------------------------------------------------------------------ explain


@web.get("/explain")
def explain_form() -> Response:
    return make_response(redirect(url_for("web.home") + "#explain", 303))


@web.post("/explain")
def explain() -> Response | str:
    """The diagnosis at once; its evidence follows. The pasted text is in this answer and nowhere else."""
    try:
        text, shown, given = _pasted()
        case = desk().explain(text, offline=bool(request.form.get("offline")), **given)
    except InputError as fault:
        return _refused(fault, box="explain")
    if case.jobs:
        desk().keep_case(case)
        case.wait(current_app.config["HURRY"])
    return _diagnosis(case, shown, again=shown if isinstance(text, str) and len(shown) <= AGAIN else "", original=_original(case, text))


def _original(case: Case, text: str | bytes) -> str:
    """The text, where it is a bounce that holds the message which came back, for the form that examines that one."""
    from .examine import repeatable

    returned = any(f.bounce.sender is not None and f.bounce.sender.source == "headers" for f in case.diagnosis.failures)
    return repeatable(text) if returned and case.diagnosis.kind in (Kind.DSN, Kind.BOUNCE) else ""


def _pasted() -> tuple[str | bytes, str, dict[str, Any]]:
    """What was pasted, uploaded or chosen as a sample, the same as text to show, and what is said of the sender.

    Raises InputError, TooLargeError.
    """
    form, upload = request.form, request.files.get("file")
    ips, selectors = checked(forms.split(form.getlist("ip")), forms.split(form.getlist("selector")))
    given: dict[str, Any] = {
        "from_domain": form.get("from") or None,
        "mail_from": form.get("mail_from") or None,
        "ips": ips,
        "selectors": selectors,
    }
    if sample := form.get("sample"):
        found = next((s for s in _bounce_samples() if s.get("id") == sample), None)
        if not found or not current_app.config["DEMO"]:
            raise InputError("There is no such sample.")
        return str(found["text"]), str(found["text"]), given | {key: found[key] for key in given if key in found}
    octets = upload.read(MAX_INPUT + 1) if upload and upload.filename else b""
    if octets:
        if len(octets) > MAX_INPUT:
            raise TooLargeError("The file is larger than 1 MiB. Give the bounce itself, without its attachments.")
        return octets, octets.decode("utf-8", "replace"), given
    # forms send CRLF; places in the text are counted with LF
    text = form.get("text", "").replace("\r\n", "\n")
    if upload and upload.filename and not text.strip("\0 \t\r\n"):
        raise InputError("The file is empty. Give a bounce mail, or paste the reply of the receiving server.")
    if len(text.encode("utf-8", "surrogatepass")) > MAX_INPUT:
        raise TooLargeError("The text is larger than 1 MiB. Paste the bounce itself, without its attachments.")
    if not text.strip("\0 \t\r\n"):
        raise InputError("Nothing was pasted. Paste the bounce, or the line that the receiving server answered.")
    return text, text, given


def _bounce_samples() -> list[dict[str, Any]]:
    return list(samples().get("bounce", []))


@web.get("/explain/<id_>")
def case(id_: str) -> Response | str:
    """The diagnosis later: with its evidence, without the pasted text, which is not kept."""
    found = desk().case(id_)
    if found is None:
        return make_response(
            render_template(
                "error.html", status=404, title="This diagnosis is gone", detail="Diagnoses are kept for ten minutes only. Paste the bounce again."
            ),
            404,
        )
    return _diagnosis(found, None)


@web.get("/explain/<id_>/evidence/<int:n>")
def evidence(id_: str, n: int) -> Response:
    """What changes when the evidence arrives: one failure, for the script."""
    found = desk().case(id_)
    if found is None or not 0 <= n < len(found.diagnosis.failures):
        abort(404)
    failure = found.now().failures[n]
    response = make_response(render_template("_failure.html", **_failure_context(failure, n), case=found))
    response.headers["X-Over"] = "1" if found.over else "0"
    return response


def _diagnosis(found: Case, shown: str | None, again: str = "", original: str = "") -> str:
    """The page. `again`, `original`: the pasted text, for forms that ask more about the sender, or examine the message; it stands in this one answer only."""
    answer = found.now()
    # what is known of the sender can be set right wherever it is looked at
    wants_more = any(f.evidence.why_not in ASK_MORE for f in answer.failures)
    asks = wants_more or any(f.evidence.of == "sender" and f.side in ("sender", "unknown") for f in answer.failures)
    value = as_json.diagnosis(answer)
    return render_template(
        "diagnosis.html",
        diagnosis=value,
        failures=[_failure_context(f, n) for n, f in enumerate(answer.failures)],
        pasted=_marked_paste(answer, shown),
        case=found,
        pending=bool(found.jobs) and not found.over,
        kind=words.kind(answer.kind, answer.format),
        again=again if asks else "",
        wants_more=wants_more,
        original=original,
    )


def _failure_context(failure: Failure, n: int) -> dict[str, Any]:
    value = as_json.failure(failure)
    spans = [b.span for b in failure.because]
    return {
        "f": value,
        "n": n,
        "cause": words.cause_of(failure),
        "reply_marked": pictures.marked(*pictures.window(failure.bounce.reply.text, spans)),
        "retry": words.failure_retry(failure),
        "promoted": catalog().causes.get(failure.evidence.promoted_from or ""),
        "source": words.rule_named(failure.rule),
    }


def _marked_paste(answer: Diagnosis, shown: str | None) -> list[tuple[str, bool]] | None:
    """The pasted text with the words that decided marked, where it is known that they stand there."""
    if shown is None:
        return None
    spans: list[tuple[int, int]] = []
    for because in dict.fromkeys(b for f in answer.failures[:MARKED] for b in f.because):
        given = because.input_span
        if given and _same(shown[given[0] : given[1]], because.text):
            spans.append(given)
        else:
            spans += pictures.located(shown, because.text)
    return pictures.marked(*pictures.window(shown, spans))


def _same(found: str, wanted: str) -> bool:
    return "".join(found.split()).casefold() == "".join(wanted.split()).casefold()


# ------------------------------------------------------------------ the knowledge base


@web.get("/codes")
def codes() -> str:
    q = request.args.get("q", "").strip()[:300]
    known = catalog()
    return render_template(
        "codes.html",
        q=q,
        hits=lookup.search(q) if q else [],
        enhanced=known.enhanced_rows,
        basic=known.basic_rows,
        own=receivers.unregistered(),
        receivers=receivers.listed(),
        services=services.listed(),
        questions=known.words.get("questions", []),
    )


@web.get("/codes/<code>")
def code(code: str) -> Response | str:
    found = lookup.code(code)
    if found is None:
        if row := lookup.check_named(code):
            return make_response(redirect(url_for("web.check", code=row.code), 303))
        abort(404, "This is no enhanced status code (such as 5.7.26) and no reply code (such as 550).")
    named = found["code"]
    beside = receivers.beside(named)
    return render_template(
        "code.html",
        code=found,
        cause=catalog().causes.get(found["cause"] or ""),
        bare=receivers.bare(named),
        groups=receivers.by_cause(beside, most=3 if len(beside) < 100 else 2),
        count=len(beside),
        differ=receivers.otherwise(named),
    )


@web.get("/receivers/<key>")
def receiver(key: str) -> str:
    return render_template("receiver.html", receiver=receivers.receiver(key) or abort(404, "There is no receiver of this name."))


@web.get("/services/<id_>")
def service(id_: str) -> str:
    return render_template("service.html", service=services.service(id_) or abort(404, "There is no mail service of this name."))


@web.get("/checks")
def checks() -> str:
    return render_template("checks.html", checks=list(catalog().checks.values()))


@web.get("/checks/<code>")
def check(code: str) -> str:
    row = lookup.check_named(code)
    if row is None:
        abort(404, "There is no check of this name.")
    return render_template("check.html", row=row, weighed=weighed(row.code))


@web.get("/causes")
def causes() -> str:
    return render_template("causes.html", causes=list(catalog().causes.values()))


@web.get("/causes/<slug>")
def cause(slug: str) -> str:
    row = catalog().causes.get(slug)
    if row is None:
        abort(404, "There is no cause of this name.")
    return render_template("cause.html", row=row, called=services.called(slug), retry=_cause_retry(row), **receivers.about(row))


def _cause_retry(row: Any) -> str:
    from ..model import Retry

    if row.retry:
        return words.retry(Retry(tuple(row.retry), row.retry_until))
    return words.retry(Retry(None) if row.after_fix else None)


@web.get("/glossary")
def glossary() -> str:
    return render_template("glossary.html", terms=catalog().glossary)


@web.get("/glossary/<slug>")
def term(slug: str) -> str:
    row = catalog().glossary.get(slug)
    if row is None:
        abort(404, "There is no such entry.")
    return render_template("term.html", slug=slug, row=row)


@web.get("/favicon.ico")
def favicon() -> Response:
    return make_response(redirect(url_for("static", filename="icon.svg"), 301))
