/* views/receivers.js: whom calls are made to: breakers, pauses, success. */
import { h } from '../dom.js';
import { features, get } from '../api.js';
import { number, percent, span } from '../format.js';
import { pauseReceiver, steerQueue } from '../act.js';
import { whereOf } from '../where.js';
import { meter } from '../chart.js';
import { badge, button, empty, facts, heading, jobsHref, when } from '../ui.js';

const STATES = { closed: 'completed', open: 'failed', probing: 'delayed', ramping: 'delayed' };

export function breakerBadge(r) {
	return h('span', {}, r.paused ? [badge('held', 'paused'), ' '] : null, r.breaker === 'closed' && r.paused ? null : badge(STATES[r.breaker] ?? 'waiting', r.breaker === 'closed' ? 'well' : r.breaker));
}

const MEANINGS = {
	closed: 'Calls are made as jobs need them.',
	open: 'Too many calls failed: none are made until the probe. Its jobs wait, and no attempt is charged to them.',
	probing: 'One call is tried, to see whether it is well again.',
	ramping: 'It is well again; calls grow from one at a time.',
};

function card(r, can) {
	const ok = r.window_calls - r.window_failed;
	return h(
		'section.panel.card',
		{ 'data-key': r.name, 'aria-label': `Receiver ${r.name}` },
		h('div.panel-head', {}, h('h2', {}, r.name), breakerBadge(r), h('div.panel-aside', {}, r.paused || r.breaker === 'open' ? button('Resume', () => steerQueue('resume', { receiver: r.name, reason: 'resumed on the ops page' })) : null, r.paused ? null : button('Pause', () => pauseReceiver(r.name)))),
		h('p.dim', {}, r.paused ? 'Taken out by hand: no calls are made, and no attempt is charged to its jobs.' : MEANINGS[r.breaker] ?? ''),
		r.window_calls ? h('div.success', {}, h('p', {}, h('b', {}, percent(ok, r.window_calls)), ` of ${number(r.window_calls)} calls went well lately`), meter(ok / r.window_calls, r.window_failed * 2 >= r.window_calls ? 'bad' : r.window_failed * 10 >= r.window_calls ? 'warn' : 'good', `${percent(ok, r.window_calls)} went well lately`)) : h('p', {}, 'No calls lately.'),
		facts([
			['Calls', number(r.calls_total)],
			['Failed', `${number(r.failed_total)} (${percent(r.failed_total, r.calls_total)})`],
			['Time of a call', r.call_p95_ms === null ? null : `${span(r.call_p95_ms)} for 95 % of them, ${span(r.call_p50_ms)} for half`],
			['May run at a time', r.may_run === null ? 'as configured' : number(r.may_run)],
			['Opened', r.opened_at ? when(r.opened_at) : null],
			['Next probe', r.breaker === 'open' ? when(r.open_until) : null],
			['Paused until', r.paused ? (r.paused_until ? when(r.paused_until) : 'resumed') : null],
			['Paused by', r.paused ? r.paused_by : null],
		]),
		can.where ? h('p', {}, h('a', { href: jobsHref(whereOf({ receiver: r.name, state: ['waiting', 'delayed', 'failed'] })) }, 'Its jobs that have not gone well')) : null,
	);
}

export default {
	title: 'Receivers',
	command: () => 'clario-spool receivers',
	load: async (params, signal) => ({ ...(await get('/receivers', {}, signal)), can: await features() }),
	render({ receivers, can }) {
		return [heading('Receivers'), receivers.length ? h('div.cards', {}, receivers.map((r) => card(r, can))) : empty('None has been called yet.', 'A receiver stands here once a phase has made a call to it.')];
	},
};
