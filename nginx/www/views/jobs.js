/* views/jobs.js: jobs by a selection, page by page, and acts on many. */
import { h } from '../dom.js';
import { ApiError, features, get } from '../api.js';
import { number, plural } from '../format.js';
import { actOnMany } from '../act.js';
import { PHASES, STATES, VERBS } from '../phases.js';
import { optionsOf, paramsOf, valueOf, withTerm } from '../where.js';
import { badge, button, empty, heading, hrefOf, idLink, phaseName, table, when, workflowLink } from '../ui.js';

const PAGE = 100;
const picked = new Map(); /* id -> job: stays while pages are turned, until the selection is another */
let pickedFor = null;

const go = (where, more) => {
	location.hash = hrefOf('/jobs', { where: where.trim(), ...more }).slice(1);
};

async function ask({ where = '', cursor, order }, signal) {
	const can = await features();
	if (can.where) return get('/jobs', { where, cursor, order, limit: PAGE }, signal);
	const params = paramsOf(where);
	if (!params) throw new ApiError(400, { error: 'This server selects by state=, phase=, step=, user= and workflow= alone, one value each', code: 'bad_query', field: 'where' });
	return get('/jobs', { ...params, cursor, order, limit: PAGE }, signal);
}

/* --- the filter --- */

function select(name, field, where, options) {
	return h(
		'label.pick',
		{},
		h('span', {}, name),
		h('select', { value: valueOf(where, field), onchange: (event) => go(withTerm(where, field, event.target.value)) }, h('option', { value: '' }, 'any'), options.map(([value, text]) => h('option', { value }, text))),
	);
}

function filter({ where = '', order }, error) {
	return h(
		'form.filter',
		{
			role: 'search',
			onsubmit: (event) => {
				event.preventDefault();
				go(event.target.elements.where.value, { order });
			},
		},
		h('label.where', {}, h('span.hidden', {}, 'Selection'), h('input', { name: 'where', value: where, id: 'where', type: 'search', spellcheck: 'false', autocomplete: 'off', placeholder: 'phase=7 state=failed age>1h error~"503"', 'aria-invalid': error ? 'true' : null, 'aria-describedby': error ? 'where-error' : null })),
		button('Select', null, { kind: 'primary', type: 'submit' }),
		select('State', 'state', where, STATES.map((s) => [s, s])),
		select('Phase', 'phase', where, PHASES.map((p) => [String(p.phase), `${p.phase} ${p.name}`])),
		h('label.pick', {}, h('span', {}, 'Order'), h('select', { value: order ?? '', onchange: (event) => go(where, { order: event.target.value }) }, h('option', { value: '' }, 'newest first'), h('option', { value: 'asc' }, 'oldest first'))),
		error && h('p.error', { id: 'where-error', role: 'alert' }, error.message),
	);
}

/* --- acts --- */

/* Which acts the states on this page allow at all. */
function fitting(jobs) {
	const states = new Set(jobs.map((job) => job.state));
	return Object.entries(VERBS).filter(([, info]) => info.on.some((state) => states.has(state)));
}

function toolbar({ where = '' }, page, again) {
	const chosen = [...picked.values()];
	const all = !chosen.length;
	const jobs = all ? page.jobs : chosen;
	const verbs = fitting(jobs).filter(([verb]) => !all || verb !== 'replay');
	const scope = all ? (page.can.plans ? 'All that match' : page.next_cursor ? 'This page' : plural(jobs.length, 'job')) : plural(chosen.length, 'picked job', 'picked jobs');
	/* On what is picked when it is clicked: this toolbar may be from before the last tick, until the page is drawn anew. */
	const act = async (verb) => {
		const now = [...picked.values()];
		const done = await actOnMany(verb, { where: !now.length && page.can.plans ? where : undefined, jobs: now.length ? now : page.jobs });
		if (done) picked.clear();
		again();
	};
	return h(
		'div.tools',
		{ role: 'toolbar', 'aria-label': 'Acts on many jobs' },
		h('span.tools-scope', {}, scope),
		verbs.map(([verb, info]) => button(info.label, () => act(verb), { kind: info.grave ? 'grave-quiet' : '' })),
		chosen.length ? button('Pick none', () => (picked.clear(), again()), { kind: 'quiet' }) : null,
	);
}

/* --- the page --- */

function pick(job, again) {
	return h('input', {
		type: 'checkbox',
		'aria-label': `Pick job ${job.id}`,
		checked: picked.has(job.id),
		onchange: (event) => {
			if (event.target.checked) picked.set(job.id, job);
			else picked.delete(job.id);
			again();
		},
	});
}

function pickAll(jobs, again) {
	return h('input', {
		type: 'checkbox',
		'aria-label': 'Pick all on this page',
		checked: jobs.length > 0 && jobs.every((job) => picked.has(job.id)),
		onchange: (event) => {
			for (const job of jobs) event.target.checked ? picked.set(job.id, job) : picked.delete(job.id);
			again();
		},
	});
}

export const jobColumns = [
	{ name: 'State', cell: (job) => badge(job.state) },
	{ name: 'Phase', cell: phaseName },
	{ name: 'Job', cell: (job) => idLink(job.id) },
	{ name: 'Workflow', class: 'text', cell: (job) => workflowLink(job.workflow_id) },
	{ name: 'User', class: 'text wide', cell: (job) => h('span.cut', { title: job.user_id }, job.user_id) },
	{ name: 'Tries', class: 'num', cell: (job) => `${number(job.attempts_made)}/${number(job.attempts_allowed)}` },
	{ name: 'Accepted', cell: (job) => when(job.accepted_at) },
	{ name: 'Due or ended', class: 'wide', cell: (job) => when(job.finished_at ?? job.run_at) },
	{ name: 'Error', class: 'text error-text', cell: (job) => h('span.cut', { title: job.error ?? '' }, job.error ?? '') },
];

function turn(params, page) {
	return h(
		'nav.turn',
		{ 'aria-label': 'Pages' },
		params.cursor ? h('a', { href: hrefOf('/jobs', { ...params, cursor: undefined }) }, 'First page') : null,
		h('span.dim', {}, `${plural(page.jobs.length, 'job')} on this page`),
		page.next_cursor ? h('a', { href: hrefOf('/jobs', { ...params, cursor: page.next_cursor }), rel: 'next' }, 'Next page') : null,
	);
}

export default {
	title: 'Jobs',
	command: ({ where = '', order }) => `clario-spool list${optionsOf(where)}${order === 'asc' ? ' --order asc' : ''}`,
	async load(params, signal) {
		if (pickedFor !== (params.where ?? '')) {
			picked.clear();
			pickedFor = params.where ?? '';
		}
		try {
			return { ...(await ask(params, signal)), can: await features() };
		} catch (error) {
			if (error.status !== 400) throw error;
			return { jobs: [], next_cursor: null, error, can: await features() };
		}
	},
	render(page, params, again) {
		const { jobs, error } = page;
		for (const job of jobs) if (picked.has(job.id)) picked.set(job.id, job);
		const columns = [{ name: '', head: pickAll(jobs, again), class: 'check', cell: (job) => pick(job, again) }, ...jobColumns];
		return [
			heading('Jobs'),
			filter(params, error),
			jobs.length ? toolbar(params, page, again) : null,
			jobs.length ? table(columns, jobs, { label: 'Jobs', key: (job) => job.id, row: (job) => ({ class: picked.has(job.id) ? 'picked' : null }) }) : error ? null : empty('No job matches.', page.next_cursor ? 'There may be some on the next page.' : params.where ? 'Take a term out of the selection.' : 'Triggers that are sent stand here.'),
			error ? null : turn(params, page),
		];
	},
};
