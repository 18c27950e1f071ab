/* views/overview.js: does work flow, what needs a person, and where each phase stands. */
import { h } from '../dom.js';
import { get } from '../api.js';
import { live, rateOf, seriesOf } from '../live.js';
import { bytes, number, percent, plural, quantile, since, span } from '../format.js';
import { PHASES, levelOf, phaseOf } from '../phases.js';
import { meter, sparkline } from '../chart.js';
import { steerQueue } from '../act.js';
import { breakerBadge } from './receivers.js';
import { button, count, heading, hrefOf, jobsHref, section, table } from '../ui.js';

const OLD_EVERY_MS = 5000;
const RECENT_EVERY_MS = 10000;
const RECENT = 200;
const LATE_MS = 60000; /* waiting so long without a worker: is there one? */

let oldest = { at: 0, of: new Map() };
let recent = { at: 0, jobs: [] };

const ended = (row) => row.completed + row.failed + row.cancelled;
const rowOf = (stats, n) => stats.phases.find((row) => (row.phase ?? row.step) === n);
const rowLevel = (stats, n) => levelOf(n, rowOf(stats, n)?.service_level_ms);

/* The job of each phase that has waited longest: asked only of phases where any wait, and not at each turn. */
async function readOldest(stats, signal) {
	if (Date.now() - oldest.at < OLD_EVERY_MS) return;
	const phases = stats.phases.filter((row) => row.phase && row.waiting);
	const found = await Promise.all(phases.map((row) => get('/jobs', { state: 'waiting', phase: row.phase, order: 'asc', limit: 1 }, signal)));
	oldest = { at: Date.now(), of: new Map(phases.map((row, i) => [row.phase, found[i].jobs[0]])) };
}

async function readRecent(signal) {
	if (Date.now() - recent.at < RECENT_EVERY_MS) return;
	recent = { at: Date.now(), jobs: (await get('/jobs', { state: 'completed', limit: RECENT }, signal)).jobs };
}

function timesOf(phase) {
	const jobs = recent.jobs.filter((job) => job.phase === phase && job.started_at && job.finished_at);
	const waits = jobs.map((job) => Math.max(0, Date.parse(job.started_at) - Math.max(Date.parse(job.accepted_at), Date.parse(job.run_at ?? job.accepted_at))));
	const runs = jobs.map((job) => Date.parse(job.finished_at) - Date.parse(job.started_at));
	const both = (list) => (list.length ? `${span(quantile(list, 0.5))} / ${span(quantile(list, 0.99))}` : '–');
	return { wait: both(waits), run: both(runs) };
}

/* --- needs you --- */

function needOf(level, text, detail, href, action) {
	return { level, text, detail, href, action };
}

function storeNeeds(stats) {
	const needs = [];
	if (stats.store.disk_full) needs.push(needOf('bad', 'The disk is nearly full', 'Triggers are refused. Make room on the file system of the spool.'));
	if (stats.store.intake_full) needs.push(needOf('bad', 'The spool is full', 'Triggers are refused. Remove what has ended (POST /queue/clean, or shorter queue.keep-...), or restore a backup into a larger spool.map-size.'));
	else if (stats.store.bytes_cap && stats.store.bytes_used > 0.8 * stats.store.bytes_cap) needs.push(needOf('warn', `The spool is ${percent(stats.store.bytes_used, stats.store.bytes_cap)} full`, 'Remove what has ended, or enlarge spool.map-size.'));
	if (stats.totals.set_aside) needs.push(needOf('warn', `${plural(stats.totals.set_aside, 'record')} could not be read`, 'They were set aside: clario-spool verify tells which.'));
	return needs;
}

function receiverNeeds(receivers) {
	return receivers
		.filter((r) => r.breaker !== 'closed' || r.paused)
		.map((r) =>
			r.paused
				? needOf('warn', `Receiver ${r.name} is paused`, r.paused_by ? `By ${r.paused_by}.` : '', hrefOf('/receivers'))
				: needOf(r.breaker === 'open' ? 'bad' : 'warn', `Receiver ${r.name}: breaker ${r.breaker}`, `${r.window_calls ? `${number(r.window_failed)} of ${plural(r.window_calls, 'call')} lately failed. ` : ''}Its jobs wait; no attempt is charged to them.`, hrefOf('/receivers')),
		);
}

function phaseNeeds(stats) {
	const needs = [];
	for (const row of stats.phases) {
		const n = row.phase ?? row.step;
		const field = row.phase ? 'phase' : 'step';
		const name = `${row.phase ? 'Phase' : 'Step'} ${n}${phaseOf(n) ? ` ${phaseOf(n).name}` : ''}`;
		if (row.failed) needs.push(needOf('bad', `${name}: ${number(row.failed)} failed`, 'They are not tried again by themselves.', hrefOf('/failures', { [field]: n })));
		if (row.paused) needs.push(needOf('warn', `${name} is paused`, `${plural(row.waiting + row.delayed, 'job')} wait.`, null, { label: 'Resume', run: () => steerQueue('resume', { [field]: n }) }));
	}
	const held = stats.totals.held;
	if (held) needs.push(needOf('warn', `${plural(held, 'job')} held`, 'By hand, or because workers died in their code.', jobsHref('state=held')));
	return needs;
}

function flowNeeds(stats, receivers) {
	const needs = [];
	/* Where a receiver is out, waiting has its reason, which the list tells anyway. */
	const isSilent = !stats.orchestration.active && receivers.every((r) => r.breaker === 'closed' && !r.paused);
	for (const [phase, job] of oldest.of) {
		const waited = job ? since(job.run_at ?? job.accepted_at) : 0;
		if (!job || job.behind || rowOf(stats, phase)?.paused || waited < LATE_MS) continue;
		if (isSilent) needs.push(needOf('bad', `Nothing runs: phase ${phase} has waited ${span(waited)}`, 'Is clario-worker running? (systemctl status clario-worker)', jobsHref(`state=waiting phase=${phase}`)));
		else if (waited > rowLevel(stats, phase)) needs.push(needOf('warn', `Phase ${phase} is late: the oldest has waited ${span(waited)}`, `Its service level is ${span(rowLevel(stats, phase))}.`, jobsHref(`state=waiting phase=${phase}`)));
	}
	return needs;
}

function needsList(needs) {
	if (!needs.length) return h('p.all-well', {}, 'Nothing. Work flows.');
	return h(
		'ul.needs',
		{},
		needs.map((need) =>
			h(
				'li',
				{ class: need.level },
				h('div', {}, need.href ? h('a', { href: need.href }, need.text) : h('strong', {}, need.text), need.detail && h('span.dim', {}, need.detail)),
				need.action && button(need.action.label, need.action.run),
			),
		),
	);
}

/* --- the chain --- */

function columns(stats) {
	const link = (state) => (row) => count(row[state], jobsHref(`state=${state} ${row.phase ? 'phase' : 'step'}=${row.phase ?? row.step}`), state === 'failed' ? 'bad-text' : '');
	const key = (row) => (s) => ended(rowOf(s, row.phase ?? row.step));
	return [
		{ name: 'Phase', cell: (row) => phaseCell(row) },
		{ name: 'Waiting', class: 'num', cell: link('waiting') },
		{ name: 'Delayed', class: 'num', cell: link('delayed') },
		{ name: 'Active', class: 'num', cell: link('active') },
		{ name: 'Held', class: 'num', cell: link('held') },
		{ name: 'Failed', class: 'num', cell: link('failed') },
		{ name: 'Done', class: 'num', cell: link('completed') },
		{ name: 'Per min', class: 'num', cell: (row) => rateText(rateOf(key(row))) },
		{ name: 'Oldest', class: 'num', cell: (row) => oldestCell(stats, row) },
		{ name: 'Wait', head: h('abbr', { title: 'p50 / p99 of the newest 200 that completed' }, 'Wait p50/p99'), class: 'num wide', cell: (row) => timesOf(row.phase).wait },
		{ name: 'Run', head: h('abbr', { title: 'p50 / p99 of the newest 200 that completed, all attempts' }, 'Run p50/p99'), class: 'num wide', cell: (row) => timesOf(row.phase).run },
		{ name: 'Lately', class: 'wide', cell: (row) => sparkline(seriesOf(key(row))) },
	];
}

const rateText = (rate) => (rate === null ? h('span.zero', {}, '–') : rate === 0 ? h('span.zero', {}, '0') : rate < 10 ? rate.toFixed(1) : number(Math.round(rate)));

function phaseCell(row) {
	const known = phaseOf(row.phase);
	return h('a.phase', { href: jobsHref(`${row.phase ? 'phase' : 'step'}=${row.phase ?? row.step}`), title: known?.title ?? '' }, h('b', {}, String(row.phase ?? row.step)), ` ${known?.name ?? 'Step'}`, row.paused ? h('span.badge.s-held', {}, 'paused') : null);
}

function oldestCell(stats, row) {
	const job = oldest.of.get(row.phase);
	if (!job || !row.waiting) return h('span.zero', {}, '–');
	const waited = since(job.accepted_at);
	return h('a', { href: `#/job/${job.id}`, class: waited > levelOf(row.phase, row.service_level_ms) ? 'warn-text' : '' }, span(waited));
}

/* --- the rest --- */

function tiles(stats) {
	const o = stats.orchestration;
	const all = (s) => s.phases.reduce((sum, row) => sum + ended(row), 0);
	const tile = (name, value, more) => h('div.tile', {}, h('span.tile-name', {}, name), h('span.tile-value', {}, value), more);
	return h(
		'div.tiles',
		{},
		tile('Waiting', count(o.waiting, jobsHref('state=waiting')), stats.totals.behind ? h('span.dim', {}, `${number(stats.totals.behind)} behind another`) : null),
		tile('Active', count(o.active, jobsHref('state=active')), null),
		tile('Delayed', count(o.delayed, jobsHref('state=delayed')), null),
		tile('Failed', count(o.failed, hrefOf('/failures'), 'bad-text'), null),
		tile('Ended per minute', rateText(rateOf(all)), sparkline(seriesOf(all), { width: 120, label: 'Jobs that ended, lately' })),
	);
}

function capacity(stats) {
	const { bytes_used: used, bytes_cap: cap } = stats.store;
	const jobs = stats.phases.reduce((sum, row) => sum + row.waiting + row.delayed + row.active + row.failed + row.held + row.completed + row.cancelled, 0);
	const each = jobs > 100 ? used / jobs : 0;
	return h(
		'div.capacity',
		{},
		h('p', {}, h('b', {}, cap ? percent(used, cap) : bytes(used)), cap ? ` of ${bytes(cap)} used` : ' used', cap && each ? h('span.dim', {}, ` · room for some ${number(Math.floor((cap - used) / each / 1000) * 1000)} more jobs like these`) : null),
		meter(cap ? used / cap : 0, used > 0.9 * cap ? 'bad' : used > 0.7 * cap ? 'warn' : 'good', cap ? `Spool: ${percent(used, cap)} full` : 'Spool: no size of its own'),
		h('p.dim', {}, `${plural(jobs, 'job')} in the spool, ${number(stats.totals.accepted)} accepted ever, ${number(stats.totals.removed)} removed by retention`),
	);
}

const receiversTable = (receivers) =>
	table(
		[
			{ name: 'Receiver', cell: (r) => h('a', { href: hrefOf('/receivers') }, r.name) },
			{ name: 'State', cell: breakerBadge },
			{ name: 'Lately failed', class: 'num', cell: (r) => (r.window_calls ? `${number(r.window_failed)} of ${number(r.window_calls)}` : h('span.zero', {}, '–')) },
		],
		receivers,
		{ label: 'Receivers', key: (r) => r.name },
	);

export default {
	title: 'Overview',
	command: () => 'clario-spool status',
	async load(params, signal) {
		const stats = live.stats ?? (await get('/queue/stats', {}, signal)).stats;
		const [{ receivers }] = await Promise.all([get('/receivers', {}, signal), readOldest(stats, signal), readRecent(signal)]);
		return { stats: live.stats ?? stats, receivers };
	},
	render({ stats, receivers }) {
		const needs = [...storeNeeds(stats), ...flowNeeds(stats, receivers), ...receiverNeeds(receivers), ...phaseNeeds(stats)];
		needs.sort((a, b) => (a.level === b.level ? 0 : a.level === 'bad' ? -1 : 1));
		const rows = [...PHASES.map((p) => rowOf(stats, p.phase)), ...stats.phases.filter((row) => row.step && row.waiting + row.delayed + row.active + row.failed + row.held + row.completed)];
		return [
			heading('Overview'),
			section('Needs you', { note: needs.length ? plural(needs.length, 'thing') : '' }, needsList(needs)),
			tiles(stats),
			section('The seven phases', {}, table(columns(stats), rows, { label: 'Phases', key: (row) => String(row.phase ?? row.step) })),
			h('div.two', {}, section('Receivers', {}, receivers.length ? receiversTable(receivers) : h('p.dim', {}, 'None has been called yet.')), section('Capacity', {}, capacity(stats))),
		];
	},
};
