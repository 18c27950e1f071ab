/* views/failures.js: failed jobs in groups of one phase and one error: retry one, look how it goes, then the rest. */
import { h } from '../dom.js';
import { features, get } from '../api.js';
import { number, plural } from '../format.js';
import { PHASES, phaseOf } from '../phases.js';
import { actOnJob, actOnMany } from '../act.js';
import { whereOf } from '../where.js';
import { button, empty, heading, hrefOf, idLink, jobsHref, phaseName, when } from '../ui.js';

const PAGE = 500;
const PAGES = 4;

/* What differs from job to job inside an error is no difference of its kind. */
const kindOf = (error) =>
	(error || 'no error was kept')
		.replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, '…')
		.replace(/after \d+ ms/g, 'after … ms')
		.replace(/\b\d{4,}\b/g, '…');

const callOf = (error) => /^call ([\w.-]+):/.exec(error ?? '')?.[1] ?? '';

/* What all errors of a kind have in common, as long as it may be: to select by. */
function common(kind) {
	return kind
		.split('…')
		.map((part) => part.trim())
		.reduce((longest, part) => (part.length > longest.length ? part : longest), '');
}

function groupsOf(jobs) {
	const groups = new Map();
	for (const job of jobs) {
		const kind = kindOf(job.error);
		const n = job.phase ?? job.step;
		const key = `${n} ${kind}`;
		if (!groups.has(key)) groups.set(key, { key, n, field: job.phase ? 'phase' : 'step', kind, call: callOf(job.error), jobs: [] });
		groups.get(key).jobs.push(job);
	}
	return [...groups.values()].sort((a, b) => b.jobs.length - a.jobs.length);
}

const whereOfGroup = (g) => `state=failed ${g.field}=${g.n}${g.jobs[0].error ? ` error~${JSON.stringify(common(g.kind))}` : ''}`;

function card(g, can, complete, again) {
	const newest = g.jobs[0];
	const rest = async () => (await actOnMany('retry', can.plans ? { where: whereOfGroup(g), jobs: g.jobs } : { jobs: g.jobs })) && again();
	return h(
		'section.panel.failure',
		{ 'data-key': g.key, 'aria-label': `${plural(g.jobs.length, 'job')}: ${g.kind}` },
		h('div.failure-n', {}, h('b', {}, `${number(g.jobs.length)}${complete ? '' : '+'}`), h('span.dim', {}, g.jobs.length === 1 ? 'job' : 'jobs')),
		h(
			'div.failure-text',
			{},
			h('p', {}, phaseName(newest), g.call ? h('span.dim', {}, ` · call ${g.call}`) : null),
			h('p.mono.break', {}, g.kind),
			h('p.dim', {}, 'newest ', idLink(newest.id), ' failed ', when(newest.finished_at)),
		),
		h(
			'div.failure-acts',
			{},
			button('Retry one', async () => (await actOnJob(newest, 'retry')) && again(), { kind: 'primary' }),
			button(`Retry ${g.jobs.length === 1 ? 'it with a reason' : 'the rest'}`, rest),
			h('a', { href: jobsHref(can.where ? whereOfGroup(g) : whereOf({ state: 'failed', [g.field]: g.n })) }, 'Jobs'),
		),
	);
}

export default {
	title: 'Failures',
	command: ({ phase }) => `clario-spool list --state failed${phase ? ` --phase ${phase}` : ''}`,
	async load({ phase, step }, signal) {
		const can = await features();
		const jobs = [];
		let cursor;
		for (let i = 0; i < PAGES; i++) {
			const page = await get('/jobs', { state: 'failed', phase, step, limit: PAGE, cursor }, signal);
			jobs.push(...page.jobs);
			cursor = page.next_cursor;
			if (!cursor) break;
		}
		return { groups: groupsOf(jobs), n: jobs.length, complete: !cursor, can };
	},
	render({ groups, n, complete, can }, { phase, step }, again) {
		const of = phase ? ` of phase ${phase}${phaseOf(Number(phase)) ? ` ${phaseOf(Number(phase)).name}` : ''}` : step ? ` of step ${step}` : '';
		return [
			heading('Failures', h('span.note', {}, n ? `${complete ? '' : 'the newest '}${plural(n, 'failed job')}${of}, ${plural(groups.length, 'kind')}` : '')),
			h('nav.chips', { 'aria-label': 'Phases' }, h('a', { href: hrefOf('/failures'), 'aria-current': phase || step ? null : 'true' }, 'All'), PHASES.map((p) => h('a', { href: hrefOf('/failures', { phase: p.phase }), 'aria-current': String(p.phase) === phase ? 'true' : null }, `${p.phase} ${p.name}`))),
			groups.length ? groups.slice(0, 100).map((g) => card(g, can, complete, again)) : empty(`No failed jobs${of}.`),
		];
	},
};
