/* views/job.js: one job: why it stands where it does, its attempts, its history, its data. */
import { h } from '../dom.js';
import { ApiError, get } from '../api.js';
import { clock, number, plural, span } from '../format.js';
import { ENDED, VERBS, actsOn } from '../phases.js';
import { attemptsOf } from '../history.js';
import { actOnJob } from '../act.js';
import { badge, button, eventText, facts, heading, idLink, jobsHref, json, kindName, phaseName, section, table, when, workflowLink } from '../ui.js';
import { whereOf } from '../where.js';

const EVENT_PAGES = 5;

async function readEvents(job, signal) {
	const own = [];
	let after = 0;
	for (let i = 0; i < EVENT_PAGES; i++) {
		const page = await get(`/workflows/${encodeURIComponent(job.workflow_id)}`, { after: after || undefined }, signal);
		own.push(...page.events.filter((e) => e.job_id === job.id));
		if (!page.events_after) return { own, more: false };
		after = page.events_after;
	}
	return { own, more: true };
}

/* One sentence: the server's own where it has one. */
function explain(job) {
	if (job.explanation) return [job.explanation.text, job.explanation.todo ? h('span.dim', {}, ` ${job.explanation.todo}`) : null];
	const tries = `${number(job.attempts_made)} of ${plural(job.attempts_allowed, 'try', 'tries')} made`;
	switch (job.state) {
		case 'waiting':
			return job.behind ? ['Waits behind another job of its workflow: ', idLink(job.behind), '.'] : `Waits for a worker to take it (${tries}). If it goes on waiting, its phase or its receiver may be paused, or a breaker open.`;
		case 'delayed':
			return [job.attempts_made ? `The last try failed; the next is due ` : 'Was sent for later: due ', when(job.run_at), ` (${tries}).`];
		case 'active':
			return [`A worker has had it since `, when(job.started_at), ` (${job.lease?.owner ?? 'unknown'}); its lease ends ${job.lease ? `in ${span(job.lease.deadline_in_ms)}` : 'soon'}.`];
		case 'failed':
			return `Failed for good after ${plural(job.attempts_made, 'try', 'tries')}; it is not tried again by itself. Mend what the error says, then retry.`;
		case 'held':
			return job.crashes ? `Held, for workers died in its code (${plural(job.crashes, 'time')}). Find out why before it is released.` : 'Held by hand: it runs once it is released.';
		case 'cancelled':
			return 'Was cancelled. It can be retried.';
		default:
			return [`Completed `, when(job.finished_at), ` at try ${number(job.attempts_made)}.`];
	}
}

function attempts(events) {
	const list = attemptsOf(events);
	if (!list.length) return h('p.dim', {}, 'None yet.');
	const time = (v) => (v === undefined || v === null ? h('span.zero', {}, '–') : span(v));
	return table(
		[
			{ name: 'Try', class: 'num', cell: (a) => String(a.n) },
			{ name: 'Ended', cell: (a) => badge({ retry: 'delayed', lease_expired: 'failed', crashed: 'failed', released: 'waiting', fenced: 'cancelled' }[a.how] ?? a.how, a.how === 'retry' ? 'to be retried' : kindName(a.how)) },
			{ name: 'Began', cell: (a) => h('time', { datetime: a.began }, clock(a.began, { millis: true })) },
			{ name: 'Took', class: 'num', cell: (a) => time(a.ended ? Date.parse(a.ended) - Date.parse(a.began) : null) },
			{ name: 'Queued', class: 'num wide', cell: (a) => time(a.wait_ms) },
			{ name: 'Connect', class: 'num wide', cell: (a) => time(a.conn_ms) },
			{ name: 'Transfer', class: 'num wide', cell: (a) => time(a.xfer_ms) },
			{ name: 'HTTP', class: 'num', cell: (a) => a.status ?? h('span.zero', {}, '–') },
			{ name: 'What', class: 'text error-text', cell: (a) => a.reason ? h('span.cut', { title: a.reason }, a.reason) : h('span.dim', {}, a.steps.length ? plural(a.steps.length, 'call checkpointed', 'calls checkpointed') : '') },
		],
		list,
		{ label: 'Attempts', key: (a) => `try-${a.n}-${a.began}` },
	);
}

export const eventColumns = [
	{ name: 'Seq', class: 'num dim', cell: (e) => number(e.seq) },
	{ name: 'At', cell: (e) => h('time', { datetime: e.at }, clock(e.at, { millis: true })) },
	{ name: 'Event', cell: (e) => h('span', { class: `kind k-${e.kind}` }, kindName(e.kind)) },
	{ name: 'What', class: 'text grow', cell: (e) => eventText(e) },
	{ name: 'Who', class: 'text', cell: (e) => h('span.cut.dim', { title: e.actor ?? '' }, e.actor ?? '') },
];

const isEmpty = (value) => value === null || value === undefined;

export default {
	title: 'Job',
	command: ({ id }) => `clario-spool show ${id}`,
	async load({ id }, signal) {
		try {
			const { job } = await get(`/jobs/${encodeURIComponent(id)}`, {}, signal);
			return { job, events: await readEvents(job, signal) };
		} catch (error) {
			if (error instanceof ApiError && error.status === 404) return { missing: true };
			throw error;
		}
	},
	render({ job, events, missing }, params, again) {
		if (missing) return [heading('Job'), h('div.empty', {}, h('p', {}, 'There is no such job.'), h('p.dim', {}, 'It may have been removed: jobs are kept for a time after they have ended.'))];
		const act = (verb) => async () => (await actOnJob(job, verb)) && again();
		return [
			heading(h('span', {}, phaseName(job), ' ', badge(job.state)), h('div.title-acts', {}, actsOn(job.state).map((verb, i) => button(VERBS[verb].label, act(verb), { kind: VERBS[verb].grave ? 'grave-quiet' : i ? '' : 'primary', 'data-key': verb })))),
			h('p.mono.dim', {}, job.id),
			h('p.explain', {}, explain(job)),
			job.error && job.state !== 'completed' ? h('pre.error-box', {}, job.error) : null,
			section('About it', {},
				facts([
					['Workflow', workflowLink(job.workflow_id)],
					['User', h('a', { href: jobsHref(whereOf({ user: job.user_id })) }, job.user_id)],
					['Tries', `${number(job.attempts_made)} of ${number(job.attempts_allowed)}`],
					['Priority', String(job.priority)],
					['Accepted', when(job.accepted_at)],
					['Due', ENDED.includes(job.state) ? null : when(job.run_at)],
					['Begun', job.started_at ? when(job.started_at) : null],
					['Ended', job.finished_at ? when(job.finished_at) : null],
					['Gives up', ENDED.includes(job.state) || !job.give_up_at ? null : when(job.give_up_at)],
					['Behind', job.behind ? idLink(job.behind) : null],
					['Next tries', job.horizon?.next_tries?.length ? job.horizon.next_tries.map((t) => h('div', {}, `try ${t.attempt} `, when(t.at))) : null],
					['Last try', job.horizon?.last_try_at ? when(job.horizon.last_try_at) : null],
					['Sent by', job.source],
					['Key', job.idempotency_key],
					['Trace', job.trace_id ? h('span.mono', {}, job.trace_id) : null],
					['Turns', job.in_crowd ? 'its user sends so much that its jobs take turns' : null],
					['Worker deaths', job.crashes ? number(job.crashes) : null],
				]),
			),
			section('Attempts', {}, attempts(events.own)),
			section('History', { note: events.more ? 'the oldest 5,000 events of its workflow' : '' }, table(eventColumns, events.own, { label: 'History', key: (e) => String(e.seq) })),
			h('div.two', {},
				section('Payload', { note: 'what looks like a secret is masked' }, json(job.payload)),
				section('Outcome', {}, isEmpty(job.outcome) ? h('p.dim', {}, 'None yet.') : json(job.outcome), isEmpty(job.checkpoint) ? null : [h('h3', {}, 'Checkpoint'), json(job.checkpoint)]),
			),
		];
	},
};
