/* ui.js: pieces that several views show. */
import { h, s } from './dom.js';
import { ago, clock, number, shortId } from './format.js';
import { phaseOf } from './phases.js';
import { query } from './api.js';

export const hrefOf = (path, params) => `#${path}${query(params)}`;
export const jobHref = (id) => hrefOf(`/job/${encodeURIComponent(id)}`);
export const workflowHref = (id) => hrefOf(`/workflow/${encodeURIComponent(id)}`);
export const jobsHref = (where) => hrefOf('/jobs', { where });

export const badge = (state, text = state) => h(`span.badge.s-${state}`, {}, text);
export const when = (time) => (time ? h('time', { datetime: time, title: clock(time) }, ago(time)) : h('span.dim', {}, '–'));
export const idLink = (id) => h('a.mono', { href: jobHref(id), title: id }, `…${shortId(id)}`);
export const workflowLink = (id) => h('a.cut', { href: workflowHref(id), title: id }, id);
export const count = (n, href, kind = '') =>
	!n ? h('span.zero', {}, '0') : href ? h('a', { href, class: kind }, number(n)) : h('span', { class: kind }, number(n));

export function phaseName(job) {
	const n = job.phase ?? job.step;
	const known = phaseOf(n);
	return h('span.phase', { title: known?.title ?? `Step ${n}` }, h('b', {}, String(n)), known ? ` ${known.name}` : ' step');
}

export function section(title, { note, aside, id } = {}, ...children) {
	const heading = id ?? `h-${title.toLowerCase().replace(/\W+/g, '-')}`;
	return h(
		'section.panel',
		{ 'aria-labelledby': heading },
		h('div.panel-head', {}, h('h2', { id: heading }, title), note && h('span.note', {}, note), aside && h('div.panel-aside', {}, aside)),
		children,
	);
}

export const heading = (title, ...more) => h('div.title', {}, h('h1', {}, title), more);
export const empty = (text, hint) => h('div.empty', {}, h('p', {}, text), hint && h('p.dim', {}, hint));

/* columns: [{name, class, cell(row)}]; a table that scrolls sideways by itself in a narrow window. */
export function table(columns, rows, { label, key, row } = {}) {
	return h(
		'div.scroll',
		{ tabindex: '0', role: 'region', 'aria-label': label },
		h(
			'table',
			{},
			h('thead', {}, h('tr', {}, columns.map((c) => h('th', { scope: 'col', class: c.class }, c.head ?? c.name)))),
			h(
				'tbody',
				{},
				rows.map((r, i) => h('tr', { 'data-key': key?.(r), ...row?.(r, i) }, columns.map((c) => h('td', { class: c.class }, c.cell(r))))),
			),
		),
	);
}

export function facts(pairs) {
	return h(
		'dl.facts',
		{},
		pairs.filter(([, value]) => value !== null && value !== undefined && value !== '').map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))),
	);
}

export const button = (label, onclick, { kind = '', ...more } = {}) => h('button', { type: 'button', class: kind, onclick, ...more }, label);

/* JSON as text, indented; a long one is cut, and says so. */
export function json(value, max = 40000) {
	const text = JSON.stringify(value, null, 2) ?? '';
	return h('pre.json', { tabindex: '0' }, text.length > max ? `${text.slice(0, max)}\n… ${number(text.length - max)} more characters` : text);
}

const KIND_WORDS = { run_now: 'run now', lease_expired: 'lease expired', rolled_back: 'rolled back', set_aside: 'set aside' };
export const kindName = (kind) => KIND_WORDS[kind] ?? kind;

/* What an event says, in words. */
export function eventText(e) {
	const parts = [];
	if (e.kind === 'notification' || e.kind === 'progress') parts.push(`${e.name ?? ''} to ${e.room ?? ''}`);
	else if (e.name) parts.push(e.name);
	else if (e.kind === 'paused' || e.kind === 'resumed') parts.push(e.phase ? `phase ${e.phase}` : 'the queue');
	if (e.from && e.to && e.from !== e.to) parts.push(`${e.from} → ${e.to}`);
	if (e.http_status) parts.push(`HTTP ${e.http_status}`);
	if (e.reason) parts.push(e.reason);
	return parts.join(' · ');
}

export function dot(state) {
	return s('svg.dot', { viewBox: '0 0 8 8', width: 8, height: 8, 'aria-hidden': 'true', class: `dot-${state}` }, s('circle', { cx: 4, cy: 4, r: 4 }));
}
