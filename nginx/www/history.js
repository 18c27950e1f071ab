/* history.js: what the events of jobs tell: attempts, spans, gaps. Pure. */

const ENDS = new Set(['completed', 'retry', 'failed', 'released', 'lease_expired', 'crashed', 'cancelled', 'fenced']);

/* The attempts of one job, oldest first: {n, began, ended, how, status, reason, wait_ms, conn_ms, xfer_ms, by}. */
export function attemptsOf(events) {
	const attempts = [];
	let open = null;
	for (const e of events) {
		if (e.kind === 'claimed') {
			open = { n: e.attempt ?? attempts.length + 1, began: e.at, ended: null, how: 'active', by: e.actor, steps: [] };
			attempts.push(open);
		} else if (open && e.kind === 'checkpoint') {
			open.steps.push(e);
		} else if (open && ENDS.has(e.kind)) {
			Object.assign(open, { ended: e.at, how: e.kind, status: e.http_status, reason: e.reason, wait_ms: e.wait_ms, conn_ms: e.conn_ms, xfer_ms: e.xfer_ms, span_id: e.span_id });
			open = null;
		}
	}
	return attempts;
}

/* For each of the seven phases, its newest job and the times between: how long it waited, ran, and how long after the
 * phase before it had ended it came. */
export function trackOf(jobs, phases) {
	let before = null;
	return phases.map((phase) => {
		const own = jobs.filter((job) => job.phase === phase.phase);
		const job = own[own.length - 1] ?? null;
		const at = (time) => (time ? Date.parse(time) : null);
		const step = { phase, job, n: own.length, waited: null, ran: null, gap: null };
		if (job) {
			const accepted = at(job.accepted_at);
			const started = at(job.started_at);
			const finished = at(job.finished_at);
			step.waited = (started ?? (job.state === 'waiting' ? Date.now() : null)) !== null ? (started ?? Date.now()) - accepted : null;
			step.ran = started && (finished || job.state === 'active') ? (finished ?? Date.now()) - started : null;
			step.gap = before?.job?.finished_at ? accepted - at(before.job.finished_at) : null;
			before = step;
		}
		return step;
	});
}
