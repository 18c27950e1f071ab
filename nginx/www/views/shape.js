/* views/shape.js: how old what has not ended is, by phase, receiver or user: a map of counts, which the server makes; a cell
 * opens its jobs. */
import { h } from '../dom.js';
import { features, get } from '../api.js';
import { number, plural } from '../format.js';
import { PHASES, phaseOf } from '../phases.js';
import { word } from '../where.js';
import { empty, heading, hrefOf, jobsHref, section } from '../ui.js';

const STATES = ['waiting', 'delayed', 'active', 'held'];
const BY = { phase: 'Phase', receiver: 'Receiver', user: 'User' };
const ROWS = 50;

/* As the selection has spans. */
const SPANS = { '1w': '7d' };
const spanOf = (name) => SPANS[name] ?? name;
const titleOf = (buckets, i) => (i === buckets.length - 1 ? `> ${buckets[i - 1]}` : i ? `${buckets[i - 1]}–${buckets[i]}` : `< ${buckets[i]}`);

const stateOf = ({ state = 'waiting' }) => (STATES.includes(state) ? state : 'waiting');
const byOf = ({ by = 'phase' }) => (Object.hasOwn(BY, by) ? by : 'phase');

function whereOfCell(by, name, state, bucket, buckets) {
	const terms = [`state=${state}`];
	if (name !== '-') terms.push(`${by}=${word(name)}`);
	if (bucket > 0) terms.push(`age>=${spanOf(buckets[bucket - 1])}`);
	if (bucket < buckets.length - 1) terms.push(`age<${spanOf(buckets[bucket])}`);
	return terms.join(' ');
}

function cell(n, max, href, label) {
	const heat = n ? Math.min(5, 1 + Math.floor((4 * Math.log(n)) / Math.log(Math.max(max, 2)))) : 0;
	return h('td', { class: `heat heat-${heat}` }, n ? (href ? h('a', { href, 'aria-label': label }, number(n)) : h('span', {}, number(n))) : h('span.zero', {}, '·'));
}

/* All seven phases stand there, in the chain's order; of receivers and users those that have any. */
function rowsOf(by, rows) {
	if (by !== 'phase') return rows;
	const known = new Map(rows.map((row) => [row.name, row]));
	const steps = rows.filter((row) => !phaseOf(Number(row.name)));
	return [...PHASES.map((p) => known.get(String(p.phase)) ?? { name: String(p.phase), total: 0, younger_than: {}, older: 0 }), ...steps];
}

const nameOf = (by, name) => (by !== 'phase' ? (name === '-' ? 'no receiver' : name) : phaseOf(Number(name)) ? `${name} ${phaseOf(Number(name)).name}` : `${name} step`);
const countsOf = (row, buckets) => buckets.map((name, i) => (i === buckets.length - 1 ? row.older : row.younger_than[name] ?? 0));

function noteOf({ complete, looked_at: lookedAt, jobs }) {
	if (complete) return plural(lookedAt, 'job');
	return `${number(lookedAt)}${jobs === null ? '' : ` of ${number(jobs)}`} jobs were looked at, those that come first`;
}

const chips = (label, list, hrefOfOne, current) => h('nav.chips', { 'aria-label': label }, list.map(([key, text]) => h('a', { href: hrefOfOne(key), 'aria-current': key === current ? 'true' : null }, text)));

function map(by, state, { buckets, rows, rows_total: all }, can) {
	const shown = rowsOf(by, rows);
	const max = Math.max(...shown.flatMap((row) => countsOf(row, buckets)));
	const cellOf = (row) => (n, i) => cell(n, max, can.where && row.name !== '-' ? jobsHref(whereOfCell(by, row.name, state, i, buckets)) : null, `${number(n)} of ${nameOf(by, row.name)}, ${titleOf(buckets, i)}`);
	return section(`Age of ${state} jobs, by ${by}`, { note: 'since they were accepted' },
		h('div.scroll', { tabindex: '0', role: 'region', 'aria-label': `Age by ${by}` },
			h('table.heatmap', {},
				h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, BY[by]), buckets.map((name, i) => h('th', { scope: 'col', class: 'num' }, titleOf(buckets, i))))),
				h('tbody', {}, shown.map((row) => h('tr', { 'data-key': row.name }, h('th', { scope: 'row' }, h('span.cut', { title: row.name }, nameOf(by, row.name))), countsOf(row, buckets).map(cellOf(row))))),
			),
		),
		all > rows.length ? h('p.dim', {}, `The ${number(rows.length)} with the most jobs; there are ${number(all - rows.length)} more.`) : null,
	);
}

export default {
	title: 'Shape',
	heavy: true,
	command: (params) => `clario-spool shape${byOf(params) === 'phase' ? '' : ` ${byOf(params)}`} --state ${stateOf(params)}`,
	async load(params, signal) {
		const can = await features();
		return { shape: await get('/shape', { state: stateOf(params), by: byOf(params), limit: ROWS }, signal), can };
	},
	render({ shape, can }, params) {
		const [state, by] = [stateOf(params), byOf(params)];
		const hrefTo = (more) => hrefOf('/shape', { state, by: by === 'phase' ? '' : by, ...more });
		return [
			heading('Shape', h('span.note', {}, noteOf(shape))),
			chips('States', STATES.map((s) => [s, s]), (key) => hrefTo({ state: key }), state),
			chips('By', Object.entries(BY), (key) => hrefTo({ by: key === 'phase' ? '' : key }), by),
			shape.looked_at ? map(by, state, shape, can) : empty(`No ${state} jobs.`),
		];
	},
};
