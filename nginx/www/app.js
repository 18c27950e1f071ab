/* app.js: routes, the frame around the views, the keyboard. The address after # holds everything that is looked at: a
 * view's path and its parameters, so that it can be sent to somebody. */
import { h, isTyping, morph } from './dom.js';
import { ApiError, callerName, features, setAccess, token } from './api.js';
import { live, look, on, restart } from './live.js';
import { dialog, tellError } from './act.js';
import overview from './views/overview.js';
import jobs from './views/jobs.js';
import job from './views/job.js';
import workflow from './views/workflow.js';
import shape from './views/shape.js';
import receivers from './views/receivers.js';
import failures from './views/failures.js';
import audit from './views/audit.js';

const ROUTES = { '': overview, jobs, job, workflow, shape, receivers, failures, audit };
const NAV = [
	['', 'Overview', 'o'],
	['jobs', 'Jobs', 'j'],
	['failures', 'Failures', 'f'],
	['shape', 'Shape', 's'],
	['receivers', 'Receivers', 'r'],
	['audit', 'Audit', 'a'],
];
const SLOW_MS = 200;
const TICK_MS = 10000; /* ages go on, also when nothing happens */
const REST = 10; /* a heavy view that took so long rests ten times as long before it looks again by itself */

const main = document.getElementById('main');
let here = { name: '', view: overview, params: {} };
let loading = null;
let shown = false;
let shownData;
let restsUntil = 0;
let wakes = 0;

/* --- routes --- */

function parseHash() {
	const [path, search = ''] = location.hash.replace(/^#\/?/, '').split('?');
	const [name, ...rest] = path.split('/');
	const params = Object.fromEntries(new URLSearchParams(search));
	if (rest.length) {
		try {
			params.id = decodeURIComponent(rest.join('/'));
		} catch {
			params.id = rest.join('/');
		}
	}
	return { name, view: ROUTES[name] ?? null, params };
}

function navLinks() {
	const nav = h(
		'nav',
		{},
		NAV.map(([name, title]) => h('a', { href: `#/${name}`, 'aria-current': name === here.name ? 'page' : null }, title, name === 'failures' && live.stats?.orchestration.failed ? h('span.nav-n', {}, String(Math.min(999, live.stats.orchestration.failed))) : null)),
	);
	const on_ = document.getElementById('nav');
	nav.setAttribute('id', 'nav');
	nav.setAttribute('aria-label', 'Views');
	morph(on_, nav);
}

async function copy(text, event) {
	const target = event.currentTarget;
	try {
		await navigator.clipboard.writeText(text);
		target.textContent = 'Copied';
	} catch {
		const range = document.createRange();
		range.selectNodeContents(document.getElementById('command'));
		getSelection().removeAllRanges();
		getSelection().addRange(range);
		target.textContent = 'Selected';
	}
	setTimeout(() => (target.textContent = 'Copy'), 1500);
}

function footer() {
	const command = here.view?.command?.(here.params) ?? 'clario-spool help';
	const foot = h('footer', { id: 'foot', class: 'foot' }, h('span.dim', {}, 'The same on the server:'), h('code', { id: 'command' }, command), h('button.quiet', { type: 'button', 'aria-label': 'Copy the command', onclick: (event) => copy(command, event) }, 'Copy'));
	morph(document.getElementById('foot'), foot);
}

/* --- showing --- */

function put(content) {
	const next = h('main', { id: 'main', tabindex: '-1', 'data-view': here.name }, content);
	if (shown) morph(main, next);
	else main.replaceChildren(...next.childNodes);
	main.setAttribute('data-view', here.name);
	main.removeAttribute('aria-busy');
	shown = true;
}

function failure(error) {
	const refused = error instanceof ApiError && (error.status === 401 || error.status === 403);
	return h(
		'div.empty',
		{ role: 'alert' },
		h('p', {}, error.message),
		refused ? h('p.dim', {}, error.status === 401 ? 'From here, this service asks for a token (clario-spool token add).' : 'These credentials are not for this.') : h('p.dim', {}, 'It is tried again by itself.'),
		refused ? h('button.primary', { type: 'button', onclick: access }, 'Enter a token') : null,
	);
}

/* Load and show the view of the address; while a load is under way the next one waits for it, unless another address is
 * asked for. */
async function show({ fresh = false } = {}) {
	if (loading && !fresh) {
		loading.again = true;
		return;
	}
	loading?.abort.abort();
	const mine = (loading = { abort: new AbortController(), again: false });
	const at = here;
	if (!at.view) {
		put(h('div.empty', {}, h('p', {}, 'There is no such view.'), h('p', {}, h('a', { href: '#/' }, 'Overview'))));
		loading = null;
		return;
	}
	const began = performance.now();
	const slow = setTimeout(() => shown || main.replaceChildren(h('p.loading', { role: 'status' }, 'Loading …')), SLOW_MS);
	try {
		const data = await at.view.load(at.params, mine.abort.signal);
		if (mine === loading) {
			shownData = data;
			put(at.view.render(data, at.params, () => show()));
		}
	} catch (error) {
		if (mine === loading && error.name !== 'AbortError') {
			if (!(error instanceof ApiError)) console.error(error);
			/* What is on the page may still help; that it is old the frame tells. */
			if (!shown || error.status === 401 || error.status === 403 || error.status === 400) put(failure(error));
		}
	} finally {
		clearTimeout(slow);
		if (mine === loading) {
			loading = null;
			restsUntil = at.view.heavy ? performance.now() + REST * (performance.now() - began) : 0;
			if (mine.again) changed();
		}
	}
}

/* Something has happened. What is costly to the server is not asked for again at once; it is, when its rest is over. */
function changed() {
	const left = restsUntil - performance.now();
	if (left <= 0) show();
	else if (!wakes)
		wakes = setTimeout(() => {
			wakes = 0;
			changed();
		}, left);
}

/* Ages, and what only counts: without asking. */
function redraw() {
	if (document.hidden || !shown || loading || shownData === undefined) return;
	if (here.view === overview && live.stats) shownData.stats = live.stats;
	put(here.view.render(shownData, here.params, () => show()));
}

function route({ focus = true } = {}) {
	const next = parseHash();
	const moved = next.name !== here.name || next.params.id !== here.params.id;
	here = next;
	if (moved) {
		shown = false;
		shownData = undefined;
		main.setAttribute('aria-busy', 'true');
		scrollTo(0, 0);
	}
	document.title = `${here.view?.title ?? 'Not found'}${here.params.id ? ` ${here.params.id}` : ''} · clario-workflow`;
	navLinks();
	footer();
	if (moved && focus) main.focus({ preventScroll: true });
	show({ fresh: true });
}

/* --- the frame --- */

const MODES = { connecting: 'connecting', polling: 'live', stream: 'live', offline: 'no answer', refused: 'no access' };

function showMode() {
	const el = document.getElementById('live');
	el.className = `live live-${live.mode}`;
	el.textContent = MODES[live.mode];
	el.title = { polling: 'asks every 2 s whether anything has happened', stream: 'by a stream of events', offline: live.error?.message ?? '', refused: live.error?.message ?? '' }[live.mode] ?? '';
}

async function access() {
	const told = await dialog('Access', (close) =>
		h(
			'form',
			{
				onsubmit: (event) => {
					event.preventDefault();
					const { token: field, name } = event.target.elements;
					close({ token: field.value.trim(), name: name.value.trim() });
				},
			},
			h('p.dim', {}, 'Hosts in http.trusted-networks need no token. A token is kept in this tab until it is closed, and is sent to this service alone. What is done here stands in the events under its name.'),
			h('label.field', {}, 'Token', h('input', { name: 'token', type: 'password', autocomplete: 'off', spellcheck: 'false', placeholder: 'clw_…', value: token() })),
			h('label.field', {}, 'Your name, where no token tells it', h('input', { name: 'name', maxlength: 48, autocomplete: 'off', spellcheck: 'false', pattern: '[\\x21-\\x39\\x3b-\\x7e]+', title: 'letters and digits, without blanks and colons', value: callerName() })),
			h('div.dialog-end', {}, token() ? h('button', { type: 'button', onclick: () => close({ token: '', name: callerName() }) }, 'Forget the token') : null, h('button', { type: 'button', onclick: () => close(null) }, 'Back'), h('button.primary', { type: 'submit' }, 'Use')),
		),
	);
	if (!told) return;
	setAccess(told);
	shown = false;
	restart();
	show({ fresh: true });
}

const KEYS = [
	['g o', 'overview; likewise g j jobs, g f failures, g s shape, g r receivers, g a audit'],
	['/', 'the selection of jobs'],
	['j, k', 'the next, the previous row'],
	['Enter', 'open the row'],
	['x', 'pick the row'],
	['c', 'copy the equal command'],
	['r', 'look again'],
	['?', 'this help'],
];

const help = () =>
	dialog('Keyboard', (close) =>
		h('div', {}, h('dl.keys', {}, KEYS.map(([key, what]) => h('div', {}, h('dt', {}, h('kbd', {}, key)), h('dd', {}, what)))), h('div.dialog-end', {}, h('button.primary', { type: 'button', onclick: () => close() }, 'Close'))),
	);

/* --- the keyboard --- */

let goes = false;

function rowStep(by) {
	const rows = [...main.querySelectorAll('tbody tr')];
	if (!rows.length) return;
	const at = rows.findIndex((row) => row.contains(document.activeElement));
	const next = rows[Math.max(0, Math.min(rows.length - 1, at < 0 ? 0 : at + by))];
	(next.querySelector('a') ?? next.querySelector('button, input'))?.focus();
	next.scrollIntoView({ block: 'nearest' });
}

const SHORTCUTS = {
	'/': () => {
		const field = document.getElementById('where');
		if (field) field.select();
		else location.hash = '/jobs';
	},
	'?': help,
	j: () => rowStep(1),
	k: () => rowStep(-1),
	r: () => (look(), show()),
	x: () => document.activeElement?.closest?.('tr')?.querySelector('input[type=checkbox]')?.click(),
	c: () => document.querySelector('#foot button')?.click(),
};

addEventListener('keydown', (event) => {
	if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector('dialog[open]')) return;
	if (goes) {
		goes = false;
		const to = NAV.find(([, , key]) => key === event.key);
		if (to) {
			event.preventDefault();
			location.hash = `/${to[0]}`;
		}
		return;
	}
	if (event.key === 'g') goes = true;
	else if (Object.hasOwn(SHORTCUTS, event.key)) {
		event.preventDefault();
		SHORTCUTS[event.key]();
	}
});

addEventListener('hashchange', () => route());
document.getElementById('who').onclick = access;
document.getElementById('help').onclick = help;
on('change', changed);
on('stats', () => {
	navLinks();
	if (here.view === overview) redraw();
});
on('mode', () => {
	showMode();
	if (live.mode === 'polling' || live.mode === 'stream') show();
	else if (live.mode === 'refused' && !shown) show();
});
setInterval(redraw, TICK_MS);

showMode();
route({ focus: false });
restart();
features().catch(tellError);
