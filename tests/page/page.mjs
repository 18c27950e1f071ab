/* tests/page/page.mjs: the ops page in a browser; prints TAP. Each check has a page of its own, and after each: nothing in
 * the console, no request to another host. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';

const { PAGE_BASE: BASE, PAGE_SPOOL, PAGE_SCREENS: SCREENS, PAGE_DRIVER, PAGE_CHROMIUM, PAGE_JOBS = '10000', HOME } = process.env;
const { chromium } = await import(PAGE_DRIVER);
const API = `${BASE}/api/v1/workflow`;
const CHECK_MS = 60000;
const VIEWS = ['/', '/jobs', '/failures', '/shape', '/receivers', '/audit'];
const EVIL = '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>';

const json = { 'Content-Type': 'application/json' };
const call = async (method, path, body) => (await fetch(API + path, { method, headers: json, body: body && JSON.stringify(body) })).json();
const trigger = (phase, body) => call('POST', `/phase/${phase}`, body);
const flaky = (n) => trigger(7, { user_id: `seller-${n}`, claim_id: `flaky-${n}`, amount: '120.50' });
const spool = (...args) => {
	const [program, ...first] = PAGE_SPOOL.split(' ');
	return execFileSync(program, [...first, ...args], { encoding: 'utf8' });
};
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function until(what, holds, ms = 15000) {
	for (const end = Date.now() + ms; Date.now() < end; await pause(50)) if (await holds()) return;
	assert.fail(`not within ${ms} ms: ${what}`);
}
const stateOf = async (id) => (await call('GET', `/jobs/${id}`)).job.state;
const becomes = (id, state) => until(`${id} is ${state}`, async () => (await stateOf(id)) === state);

/* --- the driver --- */

const browser = await chromium.launch({ executablePath: PAGE_CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
const can = await call('GET', '/openapi.json').then((api) => ({
	where: JSON.stringify(api.paths['/api/v1/workflow/jobs'].get.parameters).includes('where'),
	plans: Boolean(api.paths['/api/v1/workflow/plans']),
}));

/* A page, and what went wrong on it; expected: what its console may say. */
async function open(hash, { width = 1280, height = 800, scheme = 'light', headers, expected = /^$/, before } = {}) {
	const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, extraHTTPHeaders: headers, reducedMotion: 'reduce' });
	const page = await context.newPage();
	const wrong = [];
	let requests = 0;
	page.on('console', (message) => {
		if (['error', 'warning'].includes(message.type()) && !expected.test(message.text())) wrong.push(`console: ${message.text()}`);
	});
	page.on('pageerror', (error) => wrong.push(`error: ${error.stack}`));
	page.on('request', (request) => {
		requests++;
		if (new URL(request.url()).origin !== BASE) wrong.push(`asked another host: ${request.url()}`);
	});
	page.setDefaultTimeout(15000);
	page.wrong = wrong;
	page.requests = () => requests;
	await before?.(page);
	await page.goto(`${BASE}/workflow/#${hash}`);
	await ready(page);
	return page;
}
const ready = (page) => page.waitForSelector('main:not([aria-busy])');
const go = async (page, hash) => {
	await page.evaluate(
		(to) =>
			new Promise((resolve) => {
				if (location.hash === `#${to}`) resolve();
				addEventListener('hashchange', () => resolve(), { once: true });
				location.hash = to;
			}),
		hash,
	);
	await ready(page);
};
const rows = (page) => page.locator('main tbody tr');
const shot = (page, name) => page.screenshot({ path: `${SCREENS}/${name}.png` });

const checks = [];
const check = (name, run, skip, ms = CHECK_MS) => checks.push({ name, run, skip, ms });

/* --- checks --- */

check('the overview shows the seven phases in their order, and that all is well', async () => {
	const page = await open('/');
	await page.waitForSelector('.all-well');
	assert.deepEqual((await rows(page).evaluateAll((list) => list.slice(0, 7).map((row) => row.querySelector('b').textContent))), ['1', '2', '3', '4', '5', '6', '7']);
	await until('it is live', async () => (await page.textContent('#live')) === 'live');
	assert.equal(await page.textContent('#command'), 'clario-spool status');
	return page;
});

check('what the page is served with: strict headers, kept by ETag', async () => {
	const first = await fetch(`${BASE}/workflow/`);
	const policy = first.headers.get('content-security-policy');
	for (const part of ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", 'require-trusted-types-for']) assert.ok(policy.includes(part), part);
	assert.ok(!policy.includes('unsafe'));
	assert.equal(first.headers.get('x-content-type-options'), 'nosniff');
	for (const [file, type] of [['app.js', 'text/javascript'], ['style.css', 'text/css'], ['icon.svg', 'image/svg+xml'], ['views/jobs.js', 'text/javascript']]) {
		const answer = await fetch(`${BASE}/workflow/${file}`);
		assert.equal(answer.status, 200, file);
		assert.ok(answer.headers.get('content-type').startsWith(type), file);
		const again = await fetch(`${BASE}/workflow/${file}`, { headers: { 'If-None-Match': answer.headers.get('etag') } });
		assert.equal(again.status, 304, file);
	}
	assert.equal((await fetch(`${BASE}/workflow/none.js`)).status, 404);
	assert.equal((await fetch(`${BASE}/workflow/../clario.conf`)).status, 404);
	assert.equal((await fetch(`${BASE}/workflow`, { redirect: 'manual' })).headers.get('location'), '/workflow/');
});

check('a failed job: needs you, its group, retry, and it completes before one\'s eyes', async () => {
	const { job_id: id } = await flaky(1);
	await becomes(id, 'failed');
	const page = await open('/');
	await page.evaluate(() => (window.sameDocument = true));
	await page.click('.needs a:has-text("1 failed")');
	await page.waitForSelector('.failure');
	assert.match(await page.textContent('.failure'), /answered 503/);
	await shot(page, 'failures');
	await page.click('.failure-text a.mono');
	await page.waitForSelector('h1 .badge.s-failed');
	assert.match(await page.textContent('.explain'), new RegExp(`^It failed for good at .* in try 2 of 2: .*503.* clario-spool retry ${id}$`));
	assert.equal(await page.locator('section:has(#h-attempts) tbody tr').count(), 2);
	await shot(page, 'job-failed');
	await page.click('button:has-text("Retry")');
	await page.waitForSelector('h1 .badge.s-completed');
	await until('a third attempt', async () => (await page.locator('section:has(#h-attempts) tbody tr').count()) === 3);
	assert.ok(await page.evaluate(() => window.sameDocument), 'the document was not loaded again');
	await shot(page, 'job');
	return page;
});

check('failures are one group whatever their ids; one is retried, then the rest, by its own selection', async () => {
	const ids = [];
	for (const n of [11, 12, 13]) ids.push((await flaky(n)).job_id);
	for (const id of ids) await becomes(id, 'failed');
	const page = await open('/failures?phase=7');
	const card = page.locator('.failure:has-text("answered 503")');
	await until('three in one', async () => (await card.locator('.failure-n').textContent()) === '3jobs');
	assert.match(await card.textContent(), /call proof-packet · receiver python · HTTP 503/);
	assert.equal(await page.textContent('#command'), 'clario-spool failures --phase 7');
	assert.match(await page.textContent('h1 + .note'), /^3 failed jobs of phase 7 Transparency, 1 kind$/);
	await card.locator('button:has-text("Retry one")').click();
	await becomes(ids[2], 'completed');
	await until('two are left', async () => (await card.locator('.failure-n').textContent()) === '2jobs');
	await card.locator('a:has-text("Jobs")').click();
	await until('both', async () => (await rows(page).count()) === 2);
	await page.goBack();
	await card.locator('button:has-text("Retry the rest")').click();
	await page.waitForSelector('dialog .plan:has-text("2 jobs")');
	await page.fill('dialog input[name=reason]', 'python is back');
	await page.click('dialog button[type=submit]');
	for (const id of ids) await becomes(id, 'completed');
	await until('none is left', async () => (await page.locator('.empty:has-text("No failed jobs of phase 7")').count()) === 1);
	return page;
}, !can.plans && 'this server makes no plans');

check('shape: by phase, receiver and user; a cell opens its jobs', async () => {
	for (let n = 0; n < 3; n++) await call('POST', '/batch', { triggers: [{ phase: 6, user_id: 'old "hand"', claim_id: `shape-${n}`, rejection_reason: 'late', delay_ms: 3600000 }] });
	const page = await open('/shape?state=delayed');
	const cell = page.locator('tr[data-key="6"] td').first();
	await until('three of phase 6', async () => (await cell.textContent()) === '3');
	assert.equal(await rows(page).count(), 7);
	assert.match(await page.textContent('h1 + .note'), /^3 jobs$/);
	await page.click('nav[aria-label=By] a:has-text("Receiver")');
	await page.waitForSelector('tr[data-key=python]');
	assert.equal(await page.textContent('#command'), 'clario-spool shape receiver --state delayed');
	await page.click('nav[aria-label=By] a:has-text("User")');
	const user = page.locator('tr:has-text("old \\"hand\\"") td').first();
	await until('by user', async () => (await user.textContent()) === '3');
	spool(...(await page.textContent('#command')).split(' ').slice(1));
	await shot(page, 'shape');
	await user.locator('a').click();
	await until('its jobs', async () => (await rows(page).count()) === 3);
	assert.match(await page.inputValue('#where'), /^state=delayed user="old \\"hand\\"" age<1m$/);
	await call('POST', '/jobs/cancel', { where: 'phase=6 state=delayed' });
	return page;
}, !can.where && 'this server has no where=');

check('what happens elsewhere shows by itself', async () => {
	const page = await open('/jobs?where=user%3Delsewhere');
	await page.waitForSelector('.empty');
	await trigger(2, { user_id: 'elsewhere', sync_id: 'sync-elsewhere' });
	await page.waitForSelector('tbody .badge.s-completed');
	return page;
});

check('a filter: in the address, in the table, in the command, and back', async () => {
	const { job_id: id } = await flaky(2);
	await becomes(id, 'failed');
	const page = await open('/jobs');
	await page.fill('#where', 'state=failed phase=7');
	await page.press('#where', 'Enter');
	await until('only the failed', async () => (await rows(page).count()) === 1);
	assert.match(page.url(), /#\/jobs\?where=state%3Dfailed\+phase%3D7$/);
	assert.equal(await page.textContent('#command'), 'clario-spool list --state failed --phase 7');
	spool(...(await page.textContent('#command')).split(' ').slice(1));
	await page.selectOption('label:has-text("State") select', 'completed');
	await page.waitForSelector('tbody .badge.s-completed');
	assert.equal(await page.inputValue('#where'), 'phase=7 state=completed');
	await page.goBack();
	await page.waitForSelector('tbody .badge.s-failed');
	await page.reload();
	await page.waitForSelector('tbody .badge.s-failed');
	assert.equal(await rows(page).count(), 1);
	await page.fill('#where', 'state=nonsense');
	await page.press('#where', 'Enter');
	await page.waitForSelector('.filter .error');
	await shot(page, 'jobs-bad-filter');
	return page;
});
checks.at(-1).expected = /status of 400/;

check('by the whole grammar', async () => {
	const page = await open('/jobs?where=' + encodeURIComponent('phase=7 error~"503" attempts>=2 age<1h'));
	await until('the failed one', async () => (await rows(page).count()) >= 1);
	assert.match(await page.textContent('#command'), /^clario-spool list --where 'phase=7 error~"503"/);
	return page;
}, !can.where && 'this server has no where=');

check('text of jobs is text', async () => {
	const { job_id: id } = await trigger(2, { user_id: EVIL, sync_id: EVIL, note: EVIL });
	await becomes(id, 'completed');
	const page = await open(`/jobs?where=${encodeURIComponent('phase=2')}`);
	for (const hash of [null, `/job/${id}`, `/workflow/${encodeURIComponent(EVIL)}`, '/audit?all=1', `/job/${encodeURIComponent(EVIL)}`, `/jobs?where=${encodeURIComponent(EVIL)}`]) {
		if (hash) await go(page, hash);
		await pause(100);
		assert.equal(await page.locator('main img, main script').count(), 0, hash);
		assert.doesNotMatch(await page.title(), /^owned/);
	}
	await go(page, `/job/${id}`);
	assert.ok((await page.textContent('main')).includes(EVIL));
	await shot(page, 'job-hostile');
	return page;
});
checks.at(-1).expected = /status of 40[04]/;

check('one workflow: the seven phases as a track', async () => {
	const who = { user_id: 'seller-9', sync_id: 'sync-9' };
	await trigger(1, { ...who, seller_id: 'A1' });
	await trigger(2, who);
	await trigger(3, { ...who, claims: [{ claim_id: 'claim-1', amount: 120.5, confidence: 0.93 }] });
	await trigger(4, { ...who, matches: [{ claim_id: 'claim-1', confidence: 0.93 }] });
	await trigger(5, { ...who, claim_id: 'claim-1', amazon_case_id: 'CASE-1' });
	await trigger(6, { ...who, claim_id: 'claim-1', amazon_case_id: 'CASE-1', rejection_reason: 'no proof' });
	const last = await trigger(7, { ...who, claim_id: 'claim-1', amount: '120.50' });
	await becomes(last.job_id, 'completed');
	const page = await open('/workflow/sync-9');
	await until('seven are done', async () => (await page.locator('.station.s-completed').count()) === 7);
	const levels = await page.locator('.station-gap').evaluateAll((list) => list.map((gap) => gap.title));
	assert.match(levels[2], /service level 3/, 'as configured');
	assert.doesNotMatch(levels[3], /service level/, 'of which there is none');
	await shot(page, 'workflow');
	return page;
});

check('many at once: picked, counted, held with a reason; the audit tells who and why', async () => {
	for (let n = 0; n < 4; n++) await call('POST', '/batch', { triggers: [{ phase: 2, user_id: 'bulk', sync_id: `bulk-${n}`, delay_ms: 3600000 }] });
	const page = await open('/jobs?where=user%3Dbulk');
	await until('four', async () => (await rows(page).count()) === 4);
	/* The page that the ticks ask for is slow to come: what is ticked counts, not what was when it was drawn. */
	const slowly = (route) => pause(1500).then(() => route.continue()).catch(() => {}); /* what is let go by unroute() */
	await page.route('**/workflow/jobs?*', slowly);
	for (const n of [0, 1, 2]) await rows(page).nth(n).locator('input').check();
	await page.click('.tools button:has-text("Hold")');
	await page.waitForSelector('dialog .plan');
	await page.unroute('**/workflow/jobs?*', slowly);
	assert.match(await page.textContent('dialog .plan'), /3 jobs[\s\S]*Phase 2 Discovery3/);
	await shot(page, 'plan');
	await page.click('dialog button[type=submit]');
	assert.equal(await page.locator('dialog[open]').count(), 1, 'a reason must be given');
	await page.fill('dialog input[name=reason]', 'they asked us to wait');
	await page.click('dialog button[type=submit]');
	await until('three are held', async () => (await page.locator('tbody .badge.s-held').count()) === 3);
	await page.waitForSelector('.toast:has-text("3 jobs held")');
	await go(page, '/audit');
	await until('the reason', async () => (await page.locator('tr:has-text("they asked us to wait"):has-text("held")').count()) === 3);
	assert.match(await rows(page).last().textContent(), /ops-page|caller/);
	await shot(page, 'audit');
	return page;
});

check('by plan, and undone', async () => {
	const page = await open('/jobs?where=' + encodeURIComponent('user=bulk state=delayed'));
	await until('one', async () => (await rows(page).count()) === 1);
	await page.click('.tools button:has-text("Cancel")');
	await page.fill('dialog input[name=reason]', 'a mistake');
	await page.click('dialog button[type=submit]');
	await page.waitForSelector('.toast:has-text("1 job cancelled")');
	await until('none is delayed', async () => (await rows(page).count()) === 0);
	await page.click('.toast button:has-text("Undo")');
	await page.waitForSelector('.toast:has-text("1 job taken back")');
	await until('it is there again', async () => (await rows(page).count()) === 1);
	return page;
}, !can.plans && 'this server makes no plans');

check('a receiver and a phase: paused and resumed', async () => {
	const page = await open('/receivers');
	const card = page.locator('.card[aria-label="Receiver python"]');
	await card.locator('button:has-text("Pause")').click();
	await page.fill('dialog input[name=reason]', 'they migrate');
	await page.selectOption('dialog select', '1h');
	await page.click('dialog button[type=submit]');
	await card.locator('.badge:has-text("paused")').waitFor();
	await shot(page, 'receivers');
	await call('POST', '/queue/pause?phase=3');
	await go(page, '/');
	await page.waitForSelector('.needs li:has-text("Receiver python is paused")');
	await page.click('.needs li:has-text("Phase 3") button:has-text("Resume")');
	await until('phase 3 goes on', async () => (await call('GET', '/queue/stats')).stats.paused_phases.length === 0);
	await go(page, '/receivers');
	await card.locator('button:has-text("Resume")').click();
	await card.locator('.badge:has-text("paused")').waitFor({ state: 'detached' });
	return page;
});

check('by the keyboard alone', async () => {
	const page = await open('/');
	await page.keyboard.press('Tab');
	assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to content');
	await page.keyboard.press('g');
	await page.keyboard.press('j');
	await page.waitForSelector('main[data-view=jobs] tbody tr');
	await page.keyboard.press('/');
	assert.equal(await page.evaluate(() => document.activeElement.id), 'where');
	await page.keyboard.type('state=completed');
	await page.keyboard.press('Enter');
	await until('chosen', async () => page.url().includes('completed'));
	await until('only those', async () => (await page.locator('tbody .badge.s-completed').count()) > 0 && (await page.locator('tbody .badge:not(.s-completed)').count()) === 0);
	await page.evaluate(() => document.activeElement.blur());
	await page.keyboard.press('j');
	await page.keyboard.press('j');
	await page.keyboard.press('x');
	await until('picked', async () => (await page.locator('tr.picked').count()) === 1);
	await page.keyboard.press('k');
	await page.keyboard.press('Enter');
	await page.waitForSelector('main[data-view=job] h1');
	assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
	await page.locator('button:has-text("Replay")').focus();
	await page.keyboard.press('Enter');
	await page.waitForSelector('dialog[open]');
	assert.ok(await page.evaluate(() => document.querySelector('dialog').contains(document.activeElement)));
	await page.keyboard.press('Escape');
	await page.waitForSelector('dialog', { state: 'detached' });
	assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Replay');
	await page.keyboard.press('?');
	await page.waitForSelector('dialog kbd');
	await shot(page, 'keyboard');
	return page;
});

check('everything that is pressed or filled has a name, and headings go in order', async () => {
	const page = await open('/');
	const { jobs } = await call('GET', '/jobs?limit=1');
	for (const hash of [...VIEWS, `/job/${jobs[0].id}`, '/workflow/sync-9']) {
		await go(page, hash);
		const nameless = await page.evaluate(() =>
			[...document.querySelectorAll('a, button, input, select, svg[role=img], [role=region], nav, section')]
				.filter((el) => !(el.getAttribute('aria-label') || el.getAttribute('aria-labelledby') || el.labels?.length || el.textContent.trim()))
				.map((el) => el.outerHTML.slice(0, 120)),
		);
		assert.deepEqual(nameless, [], hash);
		assert.equal(await page.locator('h1').count(), 1, hash);
		const dangling = await page.evaluate(() => [...document.querySelectorAll('[aria-labelledby]')].filter((el) => !document.getElementById(el.getAttribute('aria-labelledby'))).length);
		assert.equal(dangling, 0, hash);
	}
	return page;
});

check('a narrow window: nothing sticks out', async () => {
	const page = await open('/', { width: 360, height: 740 });
	for (const hash of [...VIEWS, '/workflow/sync-9', '/jobs?where=phase%3D2']) {
		await go(page, hash);
		await pause(50);
		const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
		assert.ok(wide <= window, `${hash}: ${wide} px in a window of ${window} px`);
		await shot(page, `narrow-${hash.replace(/\W+/g, '-').replace(/^-|-$/g, '') || 'overview'}`);
	}
	return page;
});

/* Relative luminance and contrast by WCAG 2. */
const contrasts = () => {
	const parse = (text) => text.match(/[\d.]+/g).map(Number);
	const lum = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
	const behind = (el) => {
		for (; el; el = el.parentElement) {
			const color = parse(getComputedStyle(el).backgroundColor);
			if (color.length < 4 || color[3] === 1) return color;
		}
		return [255, 255, 255];
	};
	return [...document.querySelectorAll('main *, header *, footer *')]
		.filter((el) => [...el.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) && !el.closest('.zero, [class*=heat], svg') && !el.disabled && el.checkVisibility())
		.map((el) => {
			const [a, b] = [lum(parse(getComputedStyle(el).color)), lum(behind(el))];
			return { ratio: (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), what: `${el.nodeName}.${el.className}: ${el.textContent.slice(0, 40)}` };
		})
		.filter((x) => x.ratio < 4.4)
		.map((x) => `${x.ratio.toFixed(2)} ${x.what}`);
};

check('light and dark: each is legible', async () => {
	for (const scheme of ['light', 'dark']) {
		const page = await open('/', { scheme });
		const [background] = await page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number));
		assert.ok(scheme === 'dark' ? background < 40 : background > 200, `${scheme}: ${background}`);
		for (const hash of [...VIEWS, '/workflow/sync-9', '/jobs?where=phase%3D7']) {
			await go(page, hash);
			await pause(50);
			assert.deepEqual(await page.evaluate(contrasts), [], `${scheme} ${hash}`);
			await shot(page, `${scheme}-${hash.replace(/\W+/g, '-').replace(/^-|-$/g, '') || 'overview'}`);
		}
		assert.deepEqual(page.wrong, []);
		await page.context().close();
	}
});

check('a stranger is asked for a token, and with one sees what it is for', async () => {
	const said = spool('token', 'add', 'night-shift', '--scope', 'read,operate', '--reason', 'tests');
	const text = /clw_[0-9a-f_]+/.exec(said)[0];
	const page = await open('/', { headers: { 'X-Forwarded-For': '192.0.2.1' }, expected: /status of 401/ });
	await page.waitForSelector('main button:has-text("Enter a token")');
	assert.equal(await page.textContent('#live'), 'no access');
	await shot(page, 'stranger');
	await page.click('main button:has-text("Enter a token")');
	await page.fill('dialog input[name=token]', text);
	await page.click('dialog button[type=submit]');
	await page.waitForSelector('main tbody tr');
	assert.ok(!(await page.evaluate(() => JSON.stringify(localStorage) + document.cookie)).includes('clw_'));
	assert.ok(!page.url().includes('clw_'));
	return page;
});

/* The server may have none yet: its description and its stream are played here, an event a second. */
check('a stream of events is followed where the server has one', async () => {
	let streams = 0;
	const page = await open('/audit?all=1', {
		before: async (page) => {
			await page.addInitScript(() => {
				window.modes = new Set();
				new MutationObserver(() => window.modes.add(document.getElementById('live')?.title)).observe(document, { subtree: true, childList: true, attributes: true });
			});
			await page.route('**/openapi.json', async (route) => {
				const answer = await route.fetch();
				const api = await answer.json();
				api.paths['/api/v1/workflow/events'] = { get: {} };
				await route.fulfill({ json: api });
			});
			await page.route('**/api/v1/workflow/events?*', async (route) => {
				assert.match(route.request().url(), /[?]all=1$/);
				streams++;
				await route.fulfill({ contentType: 'text/event-stream', body: 'retry: 1000\n\nid: 1\nevent: audit\ndata: {"seq":1}\n\n' });
			});
		},
	});
	await until('it says so', () => page.evaluate(() => window.modes.has('by a stream of events')));
	await until('the stream is taken up again', () => streams > 1);
	const { job_id: id } = await trigger(2, { user_id: 'stream', sync_id: 'sync-stream' });
	await page.waitForSelector(`a[href="#/job/${id}"]`);
	return page;
});

check('no answer: says so, keeps what it has, and comes back', async () => {
	const page = await open('/', { expected: /ERR_INTERNET_DISCONNECTED/ });
	await until('live', async () => (await page.textContent('#live')) === 'live');
	await page.context().setOffline(true);
	await until('no answer', async () => (await page.textContent('#live')) === 'no answer');
	assert.equal(await rows(page).count() > 6, true);
	await page.context().setOffline(false);
	await until('live again', async () => (await page.textContent('#live')) === 'live', 20000);
	return page;
});

/* By the tool, as somebody would who has that many; it takes them in while the daemons run. */
async function fill(all) {
	const path = `${HOME}/jobs.jsonl`;
	const file = createWriteStream(path);
	for (let n = 0; n < all; n++) {
		const line = JSON.stringify({ phase: 3, user_id: `crowd-${n % 50}`, sync_id: `crowd-${n}`, claims: [{ claim_id: `c-${n}` }], delay_ms: 7200000 });
		if (!file.write(`${line}\n`)) await once(file, 'drain');
	}
	file.end();
	await once(file, 'finish');
	const began = Date.now();
	spool('enqueue', '--file', path);
	console.log(`# report: ${all} jobs taken in within ${Date.now() - began} ms`);
}

check(`${PAGE_JOBS} jobs: a bounded number of requests and of elements`, async () => {
	const all = Number(PAGE_JOBS);
	await fill(all);
	const page = await open('/jobs?where=state%3Ddelayed');
	await until('a page full', async () => (await rows(page).count()) === 100);
	const before = page.requests();
	assert.ok(before <= 40, `${before} requests to load`);
	for (let n = 0; n < 3; n++) {
		const first = await rows(page).first().getAttribute('data-key');
		await page.click('a[rel=next]');
		await until('another page', async () => (await rows(page).first().getAttribute('data-key')) !== first);
	}
	assert.ok(page.requests() - before <= 12, `${page.requests() - before} requests to turn three pages`);
	for (const [hash, most] of [['/jobs?where=state%3Ddelayed', 10], ['/', 20], ['/failures', 10], ['/shape?state=delayed', 15]]) {
		const from = page.requests();
		const at = Date.now();
		await go(page, hash);
		await page.waitForSelector('main h1');
		await pause(300);
		console.log(`# report: ${hash} with ${all} jobs: ${page.requests() - from} requests, ${await page.locator('*').count()} elements, ${Date.now() - at - 300} ms`);
		assert.ok(page.requests() - from <= most, `${hash}: ${page.requests() - from} requests`);
		assert.ok((await page.locator('*').count()) <= 4000, `${hash}: ${await page.locator('*').count()} elements`);
		if (hash.startsWith('/shape')) {
			const note = await page.textContent('h1 + .note');
			assert.ok(Number(/([\d,]+) jobs/.exec(note)[1].replaceAll(',', '')) >= all, note);
		}
		await shot(page, `many-${hash.replace(/\W+/g, '-').replace(/^-|-$/g, '') || 'overview'}`);
	}
	return page;
}, false, CHECK_MS + Number(PAGE_JOBS) / 5);

/* --- run --- */

let failed = 0;
let n = 0;
for (const { name, run, skip, ms, expected } of checks) {
	n++;
	if (skip) {
		console.log(`ok ${n} - ${name} # SKIP ${skip}`);
		continue;
	}
	let page;
	const began = Date.now();
	try {
		page = await Promise.race([run(), pause(ms).then(() => assert.fail(`not done within ${ms} ms`))]);
		if (page) {
			const wrong = page.wrong.filter((text) => !expected?.test(text));
			assert.deepEqual(wrong, []);
		}
		console.log(`ok ${n} - ${name}`);
		console.log(`# ${Date.now() - began} ms`);
	} catch (error) {
		failed++;
		console.log(`not ok ${n} - ${name}`);
		console.log(String(error.stack).replace(/^/gm, '# '));
		for (const context of browser.contexts()) for (const p of context.pages()) await p.screenshot({ path: `${SCREENS}/failed-${n}.png` }).catch(() => {});
	}
	for (const context of browser.contexts()) await context.close();
}
await browser.close();
console.log(`1..${n}`);
process.exit(failed ? 1 : 0);
