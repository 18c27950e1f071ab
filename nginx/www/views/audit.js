/* views/audit.js: who did what, and why; and what was done to many at once, which may be taken back. */
import { h } from '../dom.js';
import { features, get } from '../api.js';
import { number } from '../format.js';
import { undo } from '../act.js';
import { eventColumns } from './job.js';
import { button, empty, heading, hrefOf, idLink, section, table, when } from '../ui.js';

const PAGE = 100;

const operationColumns = (again) => [
	{ name: 'When', cell: (op) => when(op.at) },
	{ name: 'What', cell: (op) => `${op.verb} · ${number(op.done)} done${op.skipped ? `, ${number(op.skipped)} skipped` : ''}` },
	{ name: 'Selection', class: 'text', cell: (op) => h('span.mono.cut', { title: op.where }, op.where) },
	{ name: 'Why', class: 'text grow', cell: (op) => op.reason },
	{ name: 'Who', class: 'text', cell: (op) => h('span.dim', {}, op.actor) },
	{ name: '', cell: (op) => (op.undone_at ? h('span.dim', {}, `taken back: ${number(op.undone)}`) : op.done && op.verb !== 'purge' ? button('Undo', async () => (await undo(op.operation), again()), { 'aria-label': `Undo ${op.verb} of ${number(op.done)} jobs` }) : '') },
];

const columns = [...eventColumns.slice(0, 3), { name: 'Job', cell: (e) => (e.job_id ? idLink(e.job_id) : '') }, ...eventColumns.slice(3)];

export default {
	title: 'Audit',
	command: ({ all }) => (all ? 'clario-spool events' : "clario-spool events | grep -E 'operator:|token:|caller:'"),
	async load({ all, before }, signal) {
		const can = await features();
		const [events, operations] = await Promise.all([
			can.audit ? get('/audit', { acts: all ? undefined : 1, before, limit: PAGE }, signal) : { events: [], next_before: null },
			can.operations && !before ? get('/operations', { limit: 20 }, signal) : { operations: [] },
		]);
		return { ...events, ...operations, can };
	},
	render({ events, next_before, operations, can }, { all, before }, again) {
		const chip = (text, params, current) => h('a', { href: hrefOf('/audit', params), 'aria-current': current ? 'true' : null }, text);
		return [
			heading('Audit'),
			h('nav.chips', { 'aria-label': 'Which events' }, chip('What people did', {}, !all), chip('All events', { all: 1 }, all)),
			operations.length ? section('On many jobs', {}, table(operationColumns(again), operations, { label: 'Operations', key: (op) => op.operation })) : null,
			!can.audit ? empty('This server does not tell its events here.', 'clario-spool events does.') : events.length ? section('Events', { note: 'newest first' }, table(columns, events, { label: 'Events', key: (e) => String(e.seq) })) : empty(next_before ? 'None among these; there are older ones.' : 'Nobody has done anything yet.', all ? '' : 'Retries, holds, pauses and the like stand here, with who and why.'),
			h('nav.turn', { 'aria-label': 'Pages' }, before ? h('a', { href: hrefOf('/audit', { all }) }, 'Newest') : null, next_before ? h('a', { href: hrefOf('/audit', { all, before: next_before }), rel: 'next' }, 'Older') : null),
		];
	},
};
