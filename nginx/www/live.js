/* live.js: knows when something has happened. By the stream of events where the server has one, else (and beside it, more
 * seldom) by asking for the counts: their newest event's number tells whether anything has. */
import { BASE, features, get, post, token, ApiError } from './api.js';

const POLL_MS = 2000; /* without a stream */
const POLL_BESIDE_MS = 10000; /* with one */
const RETRY_MAX_MS = 30000;
const SETTLE_MS = 400; /* what happens together is looked at together */
const KEPT = 180; /* samples */

export const live = {
	stats: null, /* the newest */
	samples: [], /* {at, stats}, oldest first */
	mode: 'connecting', /* polling, stream, offline, refused */
	error: null,
};

const listeners = { change: new Set(), stats: new Set(), mode: new Set() };
export const on = (what, fn) => listeners[what].add(fn);
const tell = (what) => listeners[what].forEach((fn) => fn());

let timer = 0;
let settling = 0;
let failures = 0;
let source = null;
let lastSeq = -1;
let asking = false;

function setMode(mode) {
	if (live.mode === mode) return;
	live.mode = mode;
	tell('mode');
}

/* Something has happened: once for all that happens within a moment. */
function changed() {
	if (settling) return;
	settling = setTimeout(() => {
		settling = 0;
		tell('change');
	}, SETTLE_MS);
}

function take(stats) {
	const seq = stats.totals.last_seq;
	live.stats = stats;
	live.samples.push({ at: Date.now(), stats });
	if (live.samples.length > KEPT) live.samples.splice(0, live.samples.length - KEPT);
	const isNew = seq !== lastSeq;
	const isFirst = lastSeq < 0;
	lastSeq = seq;
	tell('stats');
	if (isNew && !isFirst) changed();
}

/* Counts now: after an act of one's own, nobody wants to wait for the next turn. */
export async function look() {
	if (asking) return;
	asking = true;
	try {
		take((await get('/queue/stats')).stats);
		failures = 0;
		live.error = null;
		setMode(source?.readyState === EventSource.OPEN ? 'stream' : 'polling');
	} catch (error) {
		live.error = error;
		/* Credentials for a part of the jobs do not show the whole: then the view alone is asked for again. */
		if (error instanceof ApiError && error.status === 403) {
			failures = 0;
			setMode('polling');
			changed();
		} else {
			failures++;
			setMode(error.status === 401 ? 'refused' : 'offline');
		}
	} finally {
		asking = false;
		schedule();
	}
}

function schedule() {
	clearTimeout(timer);
	if (document.hidden) return;
	const usual = live.mode === 'stream' ? POLL_BESIDE_MS : POLL_MS;
	const wait = failures ? Math.min(RETRY_MAX_MS, POLL_MS * 2 ** Math.min(failures, 5)) : usual;
	timer = setTimeout(look, wait);
}

/* The stream needs a ticket where a token is shown: an EventSource sends no headers. */
async function listen() {
	const can = await features();
	if (!can.events) return;
	let address = `${BASE}/events?all=1`;
	if (token() && can.ticket) {
		const { ticket } = await post('/events/ticket', { all: 1 });
		address = `${BASE}/events?ticket=${encodeURIComponent(ticket)}`;
	}
	source?.close();
	source = new EventSource(address);
	source.addEventListener('open', () => {
		setMode('stream');
		schedule();
	});
	source.addEventListener('audit', () => soon());
	source.addEventListener('gap', () => soon());
	source.addEventListener('error', () => {
		if (live.mode === 'stream') setMode('polling');
		/* A ticket may be over: the browser would show the same again for ever. */
		if (source.readyState === EventSource.CLOSED || token()) {
			source.close();
			source = null;
			setTimeout(() => listen().catch(() => {}), RETRY_MAX_MS);
		}
		schedule();
	});
}

let soonTimer = 0;
function soon() {
	if (soonTimer) return;
	soonTimer = setTimeout(() => {
		soonTimer = 0;
		look();
	}, SETTLE_MS);
}

export function restart() {
	source?.close();
	source = null;
	failures = 0;
	lastSeq = -1;
	live.samples.length = 0;
	look();
	listen().catch(() => {});
}

document.addEventListener('visibilitychange', () => (document.hidden ? clearTimeout(timer) : look()));

/* How many of a phase's jobs have ended well or for good per minute, over what this page has seen; null: not known yet. */
export function rateOf(pick, windowMs = 120000) {
	const recent = live.samples.filter((x) => x.at >= Date.now() - windowMs);
	if (recent.length < 2) return null;
	const first = recent[0];
	const last = recent[recent.length - 1];
	const passed = last.at - first.at;
	return passed < 1500 ? null : (Math.max(0, pick(last.stats) - pick(first.stats)) * 60000) / passed;
}

/* The same, as a line of so many points. */
export function seriesOf(pick, points = 40) {
	const list = live.samples.slice(-points - 1);
	return list.slice(1).map((x, i) => Math.max(0, (pick(x.stats) - pick(list[i].stats)) / Math.max(0.5, (x.at - list[i].at) / 1000)));
}
