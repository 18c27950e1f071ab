/* views/shape.js: how old what has not ended is, by phase: a map of counts; a cell opens its jobs. */
import { h } from '../dom.js';
import { features, get } from '../api.js';
import { live } from '../live.js';
import { number } from '../format.js';
import { PHASES } from '../phases.js';
import { empty, heading, jobsHref, section } from '../ui.js';

const BOUNDS = [['1m', 60], ['5m', 300], ['15m', 900], ['1h', 3600], ['4h', 14400], ['1d', 86400], ['3d', 259200]];
const STATES = ['waiting', 'delayed', 'active', 'held'];
const PAGE = 500;
const PAGES = 6;

const NAMES = BOUNDS.map(([name], i) => (i ? `${BOUNDS[i - 1][0]}–${name}` : `< ${name}`)).concat(`> ${BOUNDS[BOUNDS.length - 1][0]}`);
const bucketOf = (age) => {
	const i = BOUNDS.findIndex(([, seconds]) => age < seconds * 1000);
	return i < 0 ? BOUNDS.length : i;
};

/* The oldest first: what is left out when there are too many is young. */
async function read(state, signal) {
	const jobs = [];
	let cursor;
	for (let i = 0; i < PAGES; i++) {
		const page = await get('/jobs', { state, order: 'asc', limit: PAGE, cursor }, signal);
		jobs.push(...page.jobs);
		cursor = page.next_cursor;
		if (!cursor) return { jobs, complete: true };
	}
	return { jobs, complete: false };
}

function whereOfCell(phase, state, bucket, can) {
	const terms = [`state=${state}`, `phase=${phase}`];
	if (can.where && bucket > 0) terms.push(`age>=${BOUNDS[bucket - 1][0]}`);
	if (can.where && bucket < BOUNDS.length) terms.push(`age<${BOUNDS[bucket][0]}`);
	return terms.join(' ');
}

function cell(n, max, href, label) {
	const heat = n ? Math.min(5, 1 + Math.floor((4 * Math.log(n)) / Math.log(Math.max(max, 2)))) : 0;
	return h('td', { class: `heat heat-${heat}` }, n ? h('a', { href, 'aria-label': label }, number(n)) : h('span.zero', {}, '·'));
}

export default {
	title: 'Shape',
	command: ({ state = 'waiting' }) => `clario-spool list --state ${state} --order asc`,
	async load({ state = 'waiting' }, signal) {
		const can = await features();
		return { ...(await read(STATES.includes(state) ? state : 'waiting', signal)), can };
	},
	render({ jobs, complete, can }, { state = 'waiting' }) {
		const now = Date.now();
		const counts = new Map(PHASES.map((p) => [p.phase, NAMES.map(() => 0)]));
		for (const job of jobs) {
			const row = counts.get(job.phase);
			if (row) row[bucketOf(now - Date.parse(job.accepted_at))]++;
		}
		const max = Math.max(...[...counts.values()].flat());
		const total = live.stats?.orchestration?.[state];
		return [
			heading('Shape', h('span.note', {}, complete ? `${number(jobs.length)} jobs` : `the oldest ${number(jobs.length)}${total ? ` of ${number(total)}` : ''} jobs`)),
			h('nav.chips', { 'aria-label': 'States' }, STATES.map((s) => h('a', { href: `#/shape?state=${s}`, 'aria-current': s === state ? 'true' : null }, s))),
			jobs.length
				? section(`Age of ${state} jobs, by phase`, { note: 'since they were accepted' },
						h('div.scroll', { tabindex: '0', role: 'region', 'aria-label': 'Age by phase' },
							h('table.heatmap', {},
								h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'Phase'), NAMES.map((name) => h('th', { scope: 'col', class: 'num' }, name)))),
								h('tbody', {}, PHASES.map((p) => h('tr', { 'data-key': String(p.phase) }, h('th', { scope: 'row' }, `${p.phase} ${p.name}`), counts.get(p.phase).map((n, i) => cell(n, max, jobsHref(whereOfCell(p.phase, state, i, can)), `${number(n)} of phase ${p.phase}, ${NAMES[i]}`))))),
							),
						),
					)
				: empty(`No ${state} jobs.`),
		];
	},
};
