"""Scans in a bounded pool, so that health checks and explanations never wait behind slow DNS.

    Desk.scan(ScanInput)        -> Job       starts a scan, or joins the one that is under way or just done
    Desk.explain(text, …)       -> Case      the diagnosis at once, its evidence as jobs
    Job.wait(seconds) / Case.wait(seconds)   until it is done

Nothing is stored beyond the minutes that a job lives; a case holds the diagnosis, never the pasted text.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..bounce.corroborate import Shown
from ..errors import BusyError, HealthcheckError
from ..explain import ScanPlan, diagnose, join, look, looks, plans
from ..model import Diagnosis, Domain, EvidenceVerdict, Examination, Failure, Report, ScanInput, Status

if TYPE_CHECKING:
    from ..edge.world import World

KEEP = 600  # seconds that a finished job lives
PACE = 0.05  # seconds between the beginnings of two scans
MOST = 256  # jobs, and diagnoses, that are kept at all


class Faulty(HealthcheckError):
    """A fault of ours inside a job; the log has the details."""

    title = "A fault on our side"


class Job:
    """One scan: who it is for, which topics are done, and its report once there is one."""

    def __init__(self, wanted: ScanInput, world: World | None = None) -> None:
        self.wanted = wanted
        self.world = world  # where it differs from the one that is chosen by the domain; forgotten when the scan is over
        self.done: dict[str, str] = {}  # topic -> verdict so far
        self.report: Report | None = None
        self.fault: HealthcheckError | None = None
        self.started = time.monotonic()
        self.ended: float | None = None
        self._over = threading.Event()

    def progress(self, topic: str, verdict: Status) -> None:
        """Called by scan() when a topic is done; more may be found out about it before the report is there."""
        self.done[topic] = verdict.value

    def finish(self, report: Report | None, fault: HealthcheckError | None = None) -> None:
        self.world = None
        self.report, self.fault, self.ended = report, fault, time.monotonic()
        self._over.set()

    @property
    def over(self) -> bool:
        return self._over.is_set()

    def wait(self, seconds: float) -> bool:
        return self._over.wait(seconds)


class Look:
    """The examination of the message that came back with a bounce: of it only what it shows is kept, and of the text nothing once it is over."""

    def __init__(self) -> None:
        self.shown: Shown | None = None
        self._over = threading.Event()

    def finish(self, shown: Shown | None) -> None:
        # words of the body that were altered are not kept
        self.shown = shown and replace(shown, findings=tuple(replace(f, values={**f.values, "what": f.values.get("done", "")}) for f in shown.findings))
        self._over.set()

    @property
    def over(self) -> bool:
        return self._over.is_set()

    def wait(self, seconds: float) -> bool:
        return self._over.wait(seconds)


@dataclass
class Case:
    """A diagnosis whose evidence may still be on its way. look: where the message that came back is examined beside the scans."""

    diagnosis: Diagnosis
    jobs: dict[ScanPlan, Job] = field(default_factory=dict)
    look: Look | None = None
    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    started: float = field(default_factory=time.monotonic)

    @property
    def over(self) -> bool:
        return all(one.over for one in self._waited)

    @property
    def _waited(self) -> list[Job | Look]:
        return [*self.jobs.values(), *([self.look] if self.look else [])]

    def wait(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        return all(one.wait(max(0.0, end - time.monotonic())) for one in self._waited)

    def now(self) -> Diagnosis:
        """The diagnosis with what is known so far: still "pending" where a scan is under way."""
        if any(f.evidence.verdict is EvidenceVerdict.PENDING for f in self.diagnosis.failures):
            over, look = self.over, self.look
            reports = {plan: job.report for plan, job in self.jobs.items() if job.report is not None}
            self.diagnosis = join(self.diagnosis, reports, look.shown if look else None, looking=look is not None and not look.over)
            if over:
                why = "busy" if any(isinstance(job.fault, BusyError) for job in self.jobs.values()) else "scan-failed"
                self.diagnosis = replace(self.diagnosis, failures=tuple(_given_up(f, why) for f in self.diagnosis.failures))
        return self.diagnosis


def _given_up(failure: Failure, why: str) -> Failure:
    """A scan that brought no report leaves the question open: neither confirmed nor refuted."""
    if failure.evidence.verdict is not EvidenceVerdict.PENDING:
        return failure
    return replace(failure, evidence=replace(failure.evidence, verdict=EvidenceVerdict.CANNOT_TELL, why_not=why))


class Desk:
    """The pool, its queue, and the reports of the last minutes.

    choose    ScanInput -> World, so that the demo world answers for its own names only; None -> the World that chooses by itself
    workers   scans at a time; queue: scans that may wait for a place; more raises BusyError (HTTP 503)
    waiters   requests that may wait for a job at once, so that threads are left for those that need not
    deadline  seconds of a scan
    """

    def __init__(self, choose: Callable[[ScanInput | None], World], *, workers: int = 24, queue: int = 64, waiters: int = 24, deadline: float = 15.0) -> None:
        self.choose, self.workers, self.queue, self.deadline = choose, workers, queue, deadline
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="scan")
        self._places = threading.BoundedSemaphore(waiters)
        self._lock = threading.Lock()
        self._next = 0.0  # when the next scan may begin
        self._jobs: OrderedDict[tuple[ScanInput, str], Job] = OrderedDict()
        self._looks: set[Look] = set()
        self._cases: OrderedDict[str, Case] = OrderedDict()
        self.counters: dict[str, int] = {"scans": 0, "joined": 0, "explained": 0, "examined": 0, "refused": 0}

    def scan(self, wanted: ScanInput, *, again: bool = False, world: World | None = None, draft: str = "") -> Job:
        """The job for these inputs: the one under way or just done, else a new one. `again` passes over one that is done.

        world   who answers, where zone files were handed in; `draft` is then the hash of what they hold
        Raises BusyError when the queue is full. Answers at once.
        """
        wanted = replace(wanted, source="")  # how it was written makes no difference to the answer
        key = (wanted, draft)
        with self._lock:
            self._forget()
            job = self._jobs.get(key)
            if job and not (again and job.over) and not job.fault:
                self.counters["joined"] += 1
                return job
            under_way = sum(not j.over for j in self._jobs.values())
            if under_way >= self.workers + self.queue:
                self.counters["refused"] += 1
                raise BusyError(f"{under_way} scans are under way or waiting. Try again in a few seconds.")
            job = self._jobs[key] = Job(wanted, world)
            self._jobs.move_to_end(key)
            self.counters["scans"] += 1
        self._pool.submit(self._run, job)
        return job

    def _run(self, job: Job) -> None:
        from ..scan import scan

        w = job.wanted
        self._pace()
        try:
            world = job.world or self.choose(w)
            report = scan(
                w.domain.name,
                ips=w.ips,
                selectors=w.selectors,
                mail_from=w.mail_from,
                profile=w.profile,
                topics=w.topics,
                starttls=w.starttls,
                helo=w.helo,
                world=world,
                source=w.source,
                progress=job.progress,
                deadline=self.deadline,
            )
            job.finish(report)
        except HealthcheckError as fault:
            job.finish(None, fault)
        except Exception:
            import logging

            logging.getLogger("healthcheck").exception("a scan failed")
            job.finish(None, Faulty("The scan stopped on a fault of ours. It has been logged; trying again may help."))

    def _pace(self) -> None:
        """A scan begins with a burst of computing. Those that begin together are spread out, so that whoever asks for a page meanwhile is not held up."""
        with self._lock:
            now = time.monotonic()
            start = max(now, self._next)
            self._next = start + PACE
        time.sleep(start - now)

    def explain(self, text: str | bytes, *, offline: bool = False, **form: Any) -> Case:
        """The diagnosis at once. Its scans are started, or joined; the text itself is not kept.

        Raises TooLargeError, InputError. Where the queue is full the answer stands without evidence.
        """
        self.counters["explained"] += 1
        case = Case(diagnose(text, pending=not offline, **form))
        if not offline:
            for plan in plans(case.diagnosis):
                mail_from = plan.mail_from
                wanted = ScanInput(Domain.parse(plan.domain), plan.ips, plan.selectors, mail_from, topics=plan.topics, helo=plan.helo)
                try:
                    case.jobs[plan] = self.scan(wanted)
                except BusyError as fault:
                    case.jobs[plan] = job = Job(wanted)
                    job.finish(None, fault)
            if looks(case.diagnosis):
                case.look = self._look(text, form)
        return case

    def _look(self, text: str | bytes, form: dict[str, Any]) -> Look:
        """The examination of the message in a bounce, in the pool beside the scans."""
        made = Look()
        with self._lock:
            self._looks = {one for one in self._looks if not one.over}
            if len(self._looks) >= self.workers + self.queue:
                made.finish(Shown("failed"))
                return made
            self._looks.add(made)
        self._pool.submit(self._examined, made, text, {key: value for key, value in form.items() if key != "selectors"})
        return made

    def _examined(self, made: Look, text: str | bytes, form: dict[str, Any]) -> None:
        shown: Shown | None = Shown("failed")
        try:
            shown = look(text, world=self.choose(None), deadline=self.deadline, **form)
        except Exception as fault:
            import logging

            # what was pasted may stand in the words of the fault, and is not logged
            logging.getLogger("healthcheck").error("an examination failed: %s", type(fault).__name__)
        finally:
            made.finish(shown)

    def examine(self, text: str | bytes, *, offline: bool = False, **form: Any) -> Examination:
        """The examination, in the thread of whoever asks, who has a place to wait in. Neither it nor the text is kept.

        Raises TooLargeError, InputError; BusyError where every place is taken.
        """
        from ..examine import examine

        self.counters["examined"] += 1
        if offline:
            return examine(text, offline=True, **form)
        with self.place():
            return examine(text, world=self.choose(None), deadline=self.deadline, **form)

    def keep_case(self, case: Case) -> None:
        with self._lock:
            self._forget()
            self._cases[case.id] = case

    def case(self, id_: str) -> Case | None:
        with self._lock:
            self._forget()
            return self._cases.get(id_)

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place to wait in. Raises BusyError where every one is taken."""
        if not self._places.acquire(blocking=False):
            with self._lock:
                self.counters["refused"] += 1
            raise BusyError("Too many requests are waiting for their scans. Try again in a few seconds.")
        try:
            yield
        finally:
            self._places.release()

    @property
    def under_way(self) -> int:
        with self._lock:
            return sum(not job.over for job in self._jobs.values())

    def _forget(self) -> None:
        """Drop what is older than KEEP, and the oldest over MOST. Never one that is under way."""
        now = time.monotonic()
        old = [key for key, job in self._jobs.items() if job.ended is not None and now - job.ended > KEEP]
        spare = [key for key, job in self._jobs.items() if job.over and key not in old]
        for key in [*old, *spare[: max(0, len(self._jobs) - len(old) - MOST)]]:
            del self._jobs[key]
        for id_ in [i for i, case in self._cases.items() if case.over and now - case.started > KEEP]:
            del self._cases[id_]
        while len(self._cases) > MOST:
            self._cases.popitem(last=False)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
