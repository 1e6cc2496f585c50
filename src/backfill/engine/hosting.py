"""The jobs that run in this process: accepted or taken over, stopped, paused and resumed, let go when the service is closed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future

from backfill.engine.following import Follower
from backfill.engine.heartbeat import Heartbeat
from backfill.engine.jobs import LiveJob
from backfill.engine.ownership import Tenure, ask_for, do_last, note_request
from backfill.engine.progress import build_report
from backfill.engine.queue import JobQueue
from backfill.engine.releasing import LateReleases
from backfill.engine.settling import Settling, Unnoted
from backfill.engine.stopping import CANCELLED_ON_REQUEST, PAUSED_ON_REQUEST, RESUMED, Stop
from backfill.engine.telling import Callback
from backfill.errors import DamagedFile, InvalidRequest, JobNotFound, LeaseLost, ServiceUnusable
from backfill.model import BackfillReport, BackfillStatus, FetchStatus, JobSpec, JobState, StatusChanged, Wanted
from backfill.protocols import Clock, JobStore, SupportsEvents, SupportsLeases

logger = logging.getLogger("backfill.engine")

CLOSED = "the service was closed before the job had ended"

REMEMBERED = 1000
"""Of so many jobs that came to rest here it is remembered how the door out was then."""


class JobHost:
    """The jobs of one service. Any thread.

    Args:
        jobs: Where they are kept.
        clock: The time.
        source: The name of the source; jobs of others are not run here.
        run: Carries out a job until it comes to rest; in a thread of the queue.
        performance: Tells the state of the door out.
        unnoted: Tells what a job has published that was not noted.
        max_active: Jobs that run at once.
        interval: Real seconds between two beats.
    """

    def __init__(
        self,
        jobs: JobStore,
        clock: Clock,
        source: str,
        run: Callable[[LiveJob], None],
        performance: Callable[[], FetchStatus | None],
        unnoted: Unnoted,
        *,
        max_active: int,
        interval: float,
    ) -> None:
        self._jobs = jobs
        self._clock = clock
        self._source = source
        self._run = run
        self._performance = performance
        self._lock = threading.RLock()
        self._live: dict[str, LiveJob] = {}
        self._doors: dict[str, FetchStatus | None] = {}
        self._is_shut = False
        self._is_ending = False
        self._heartbeat = Heartbeat(interval)
        self._late = LateReleases(self._heartbeat)
        self._settling = Settling(jobs, clock, self._late, unnoted)
        self._follower = Follower(jobs, self._report)
        self.queue = JobQueue(self._carry_out, max_active=max_active)

    # --- looking at jobs ----------------------------------------------------------------------------------------------

    def find(self, job_id: str) -> LiveJob | None:
        """Return the job, if it runs or waits here, or rests here in a state that could not be noted."""
        with self._lock:
            return self._live.get(job_id)

    def report(self, job_id: str) -> BackfillReport:
        """Return what has become of a job so far.

        Raises:
            JobNotFound: There is no such job.
        """
        live = self.find(job_id)
        return self._report(self._jobs.load(job_id)) if live is None else live.report()

    def future(self, job_id: str) -> Future[BackfillReport]:
        """Return a future of the report with which the job comes to rest, wherever it runs.

        Raises:
            JobNotFound: There is no such job.
            ServiceUnusable: It runs elsewhere, and it can not be watched from here.
        """
        live = self.find(job_id)
        if live is not None:
            return live.future
        state = self._jobs.load(job_id)
        if not state.status.is_at_rest:
            return self._follower.future(job_id)
        future: Future[BackfillReport] = Future()
        future.set_running_or_notify_cancel()
        future.set_result(self._report(state))
        return future

    def subscribe(self, job_id: str, callback: Callback) -> Callable[[], None]:
        """Call *callback* with every event of a job from now on, wherever it runs; return what ends that.

        Raises:
            JobNotFound: There is no such job.
            ServiceUnusable: It runs elsewhere, and it can not be watched from here.
        """
        live = self.find(job_id)
        if live is not None and not live.is_at_rest:
            return live.subscribe(callback)
        if self._jobs.load(job_id).status.is_final or not isinstance(self._jobs, SupportsEvents):
            return lambda: None
        return self._follower.subscribe(job_id, callback)

    # --- running them -------------------------------------------------------------------------------------------------

    def accept(self, spec: JobSpec, *, idempotency_key: str | None, check: Callable[[], None]) -> JobSpec:
        """Keep a new job and queue it; return it, or the one of the same key, which goes on here if nobody works on it.

        It is on the disk, if the job store has one, and this process its owner, before this returns. One that cannot be queued here
        leaves nothing, unless others may know it by its key: then whoever comes next goes on with it.

        Args:
            spec: The job.
            idempotency_key: Its key.
            check: Raises what keeps a new job from being accepted; then it leaves nothing behind.

        Raises:
            ServiceUnusable: No thread can be started for it, or the service is closed.
        """
        with self._lock:
            kept = self._jobs.create(spec, idempotency_key=idempotency_key)
            if kept.job_id != spec.job_id:
                self.go_on_with(kept)
                return kept
            try:
                check()
            except BaseException:
                self._forget_new(spec.job_id)
                raise
            try:
                tenure = self._settling.take_new(spec.job_id)
                if tenure is not None and tenure.is_first:
                    self._enqueue(self._job(spec, tenure))
                elif (
                    tenure is not None
                ):  # another process took it for abandoned, and has let go of it since; None: it works on it
                    self._go_on(spec.job_id, tenure)
            except BaseException:
                if idempotency_key is None or not do_last(
                    self._jobs
                ):  # else others may have been told of it by now, under the same key
                    self._forget_new(spec.job_id)
                raise
            return kept

    def go_on_with(self, kept: JobSpec) -> None:
        """Go on here with a job that somebody asks for again, if nobody works on it.

        Raises:
            ServiceUnusable: No thread can be started for it, or the service is closed.
        """
        with self._lock:
            if kept.job_id not in self._live and kept.plan.source == self._source:
                self._adopt(kept.job_id)

    def resume_all(self) -> list[str]:
        """Take over every job that nobody works on, oldest first; return those that now wait for their turn here.

        What was asked for them is done. Jobs of another source are left. A job store without leases cannot tell which they are.

        Raises:
            ServiceUnusable: No thread can be started for one of them; those before it are resumed.
        """
        if not isinstance(self._jobs, SupportsLeases):
            return []
        resumed = []
        for job_id in self._jobs.abandoned(self._clock.now()):
            try:
                source = self._jobs.load(job_id).spec.plan.source
                if source != self._source:
                    message = "interrupted job %s collects from %r and is left; resume it with a service of that source"
                    logger.warning(message, job_id, source, extra={"job_id": job_id})
                elif self._adopt(job_id):
                    resumed.append(job_id)
            except JobNotFound:  # forgotten meanwhile
                continue
            except DamagedFile as error:  # one that cannot be read keeps no other from going on
                logger.warning("an interrupted job is left: %s", error, extra={"job_id": job_id})
        return resumed

    def cancel(self, job_id: str) -> bool:
        """Cancel a job, wherever it runs; return whether that changes anything.

        Raises:
            JobNotFound: There is no such job.
        """
        return self._stop(job_id, Wanted.CANCEL, Stop.CANCEL, BackfillStatus.CANCELLED, CANCELLED_ON_REQUEST)

    def pause(self, job_id: str) -> bool:
        """Pause a job, wherever it runs; return whether that changes anything.

        Raises:
            JobNotFound: There is no such job.
        """
        return self._stop(job_id, Wanted.PAUSE, Stop.PAUSE, BackfillStatus.PAUSED, PAUSED_ON_REQUEST)

    def resume(self, job_id: str) -> bool:
        """Have a paused or interrupted job go on: where it is being paused, else here; return whether that changes anything.

        Raises:
            JobNotFound: There is no such job.
            InvalidRequest: It collects from another source.
            ServiceUnusable: No thread can be started for it, or the service is closed.
        """
        live = self._at_work(job_id)
        if live is not None:
            changed = ask_for(self._jobs, job_id, Wanted.RESUME)
            if live.go_on():
                return True
            if not _rests(live):
                return changed
        state = self._jobs.load(job_id)
        if state.status.is_final:
            return False
        source = state.spec.plan.source
        if source != self._source:
            rule = f"the job collects from {source!r}"
            raise InvalidRequest("source", self._source, rule, "resume it with a service of that source")
        changed = ask_for(self._jobs, job_id, Wanted.RESUME)
        return self._adopt(job_id) or changed

    # --- the end ------------------------------------------------------------------------------------------------------

    def shut(self) -> None:
        """Take no more jobs."""
        with self._lock:
            self._is_shut = True

    def stop_all(self) -> None:
        """Have every job come to rest: to be gone on with, if the job store outlives the process, else for ever."""
        with self._lock:
            self._is_ending = True
            live = tuple(self._live.values())
        for job in live:
            self._stop_at_end(job)

    def close(self) -> None:
        """End what watches and keeps alive; of jobs whose units have not ended yet, that goes on until they have."""
        self._follower.close()
        self._late.close()
        self._heartbeat.join()

    def forget(self, job_id: str) -> None:
        """Forget what is known here of a job that is no more."""
        with self._lock:
            self._live.pop(job_id, None)

    # --- within -------------------------------------------------------------------------------------------------------

    def _stop(self, job_id: str, wanted: Wanted, stop: Stop, status: BackfillStatus, reason: str) -> bool:
        """Bring a job, wherever it runs, to the state *status*; return whether that changes anything."""
        is_new = False
        live = self._at_work(job_id)
        if live is not None:
            noted = note_request(self._jobs, job_id, wanted)
            is_new = bool(noted)
            if live.stop(stop, reason, is_asked=noted is not None):
                return True
            if not _rests(live):
                return is_new  # a heartbeat was quicker to do what was just asked for
        found = self._jobs.load(job_id).status
        if found.is_final:
            return is_new and found is status
        changed = ask_for(self._jobs, job_id, wanted) or is_new
        if found is status:
            return is_new
        is_settled = self._settling.settle(job_id, self.find(job_id), status, reason)
        if is_settled:
            self.forget(job_id)
        return is_settled or changed

    def _at_work(self, job_id: str) -> LiveJob | None:
        """Return the job if it runs or waits here; whatever becomes of one that rests is up to the job store."""
        live = self.find(job_id)
        return None if live is None or _rests(live) else live

    def _job(self, spec: JobSpec, tenure: Tenure, state: JobState | None = None) -> LiveJob:
        release, rest = self._late.release, self._come_to_rest
        return LiveJob(
            spec, self._jobs, self._clock, self._performance, tenure=tenure, state=state, release=release, on_rest=rest
        )

    def _forget_new(self, job_id: str) -> None:
        """Forget a job that was not accepted."""
        try:
            self._jobs.delete(job_id)
        except Exception:  # what is told is why it was not accepted
            logger.exception("it could not be forgotten, and will be taken for an interrupted one", extra={"job_id": job_id})

    def _enqueue(self, job: LiveJob) -> None:
        with self._lock:
            if self._is_shut:
                self._late.release(job.tenure)
                raise ServiceUnusable("this service is closed; make a new one")
            self._live[job.spec.job_id] = job
            try:
                self._heartbeat.add(job)
                self.queue.add(job)
            except RuntimeError as error:  # too many threads, or the interpreter is ending
                self._heartbeat.discard(job)
                del self._live[job.spec.job_id]
                self._late.release(job.tenure)
                message = f"no thread can be started for the job ({error}), so it does not run here; end some, and try again"
                raise ServiceUnusable(message) from error

    def _carry_out(self, job: LiveJob) -> None:
        if job.is_at_rest:
            return
        self._run(job)
        if not job.is_at_rest:  # it was resumed while it was being paused
            if self._is_ending:
                self._stop_at_end(job)
            self.queue.add(job)

    def _stop_at_end(self, job: LiveJob) -> None:
        job.stop(Stop.LET_GO if do_last(self._jobs) else Stop.CANCEL, CLOSED)

    def _come_to_rest(self, job: LiveJob) -> None:
        self._heartbeat.discard(job)
        door = job.look_at_door()
        with self._lock:
            self._doors.pop(job.spec.job_id, None)  # so that it becomes the newest
            self._doors[job.spec.job_id] = door
            if len(self._doors) > REMEMBERED:
                del self._doors[next(iter(self._doors))]
            if job.is_noted and self._live.get(job.spec.job_id) is job:
                del self._live[job.spec.job_id]
        if job.subscribers and not job.status.is_final:  # somebody may go on with it
            job.future.add_done_callback(lambda _future: self._follower.take_over(job.subscribers))

    def _adopt(self, job_id: str) -> bool:
        """Go on with a job here if nobody works on it, and do what was asked for it meanwhile; return whether it goes on."""
        tenure = self._settling.take(job_id, self.find(job_id))
        return tenure is not None and self._go_on(job_id, tenure)

    def _go_on(self, job_id: str, tenure: Tenure) -> bool:
        """Go on with a job that is ours now, and do what was asked for it meanwhile; return whether it goes on."""
        try:
            asked = tenure.renew()
            status = self._jobs.load(job_id).status
            if not asked.cancel and not asked.pause:
                if status is BackfillStatus.PAUSED:
                    now = self._clock.now()
                    tenure.apply([StatusChanged(BackfillStatus.QUEUED, now, RESUMED)], at=now)
                state = self._jobs.load(job_id)
                self._enqueue(self._job(state.spec, tenure, state))
                return True
            if asked.cancel:
                self._settling.note(tenure, BackfillStatus.CANCELLED, CANCELLED_ON_REQUEST)
            elif status is not BackfillStatus.PAUSED:
                self._settling.note(tenure, BackfillStatus.PAUSED, PAUSED_ON_REQUEST)
        except (LeaseLost, ValueError):  # somebody else was quicker
            self._late.release(tenure)
            return False
        except BaseException:
            self._late.release(tenure)
            raise
        self._late.release(tenure)
        self.forget(job_id)
        return False

    def _report(self, state: JobState) -> BackfillReport:
        """Return the report of a job that is not live here; the door of this process says nothing of one that ran elsewhere."""
        return build_report(state, performance=self._doors.get(state.spec.job_id))


def _rests(live: LiveJob) -> bool:
    """Return whether a job of this process is at rest; it can be acquired then."""
    if live.is_at_rest:
        live.await_release()
    return live.is_at_rest
