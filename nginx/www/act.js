/* act.js: dialogs, and what they do: one act on one job, or a plan for many: counts first, then apply, then undo. */
import { h } from './dom.js';
import { features, post } from './api.js';
import { look } from './live.js';
import { number, plural } from './format.js';
import { VERBS, phaseOf } from './phases.js';
import { whereOf } from './where.js';

const BATCH = 200;

/* --- words --- */

export function toast(text, { kind = '', action } = {}) {
	const box = document.getElementById('toasts');
	const close = () => el.remove();
	const el = h(
		'div.toast',
		{ class: kind },
		h('span', {}, text),
		action && h('button', { type: 'button', onclick: () => (close(), action.run()) }, action.label),
		h('button.quiet', { type: 'button', 'aria-label': 'Dismiss', onclick: close }, '×'),
	);
	box.append(el);
	while (box.children.length > 4) box.firstChild.remove();
	if (!action) setTimeout(close, 8000);
	return el;
}

export const tellError = (error) => toast(error.message + (error.field ? ` (${error.field})` : ''), { kind: 'bad' });

/* --- dialogs --- */

/* A modal dialog; resolves with what its form returns, null when it was given up. build(close) gives its content. */
export function dialog(title, build) {
	return new Promise((resolve) => {
		const before = document.activeElement;
		let result = null;
		const el = h('dialog', { 'aria-labelledby': 'dialog-title' });
		const close = (value) => {
			result = value ?? null;
			el.close();
		};
		el.append(h('h2', { id: 'dialog-title' }, title), build(close));
		el.addEventListener('close', () => {
			el.remove();
			before?.focus?.();
			resolve(result);
		});
		document.body.append(el);
		el.showModal();
	});
}

const buttons = (label, close, { grave, disabled } = {}) =>
	h(
		'div.dialog-end',
		{},
		h('button', { type: 'button', onclick: () => close(null) }, 'Back'),
		h('button', { type: 'submit', class: grave ? 'grave' : 'primary', disabled }, label),
	);

const reasonField = (required) =>
	h('label.field', {}, required ? 'Reason (it stands in the events)' : 'Reason (optional)', h('input', { name: 'reason', required, maxlength: 1024, autocomplete: 'off' }));

/* --- one job --- */

const AS_IT_WAS = { replay: ['retry', { again: 1 }] };

async function steer(id, verb, reason) {
	const [path, more] = AS_IT_WAS[verb] ?? [verb, {}];
	return post(`/jobs/${encodeURIComponent(id)}/${path}`, { ...more, reason });
}

/* A reason is asked for where one must be given, or where what is done is not easily taken back. */
export async function actOnJob(job, verb) {
	const info = VERBS[verb];
	let reason = '';
	if (info.grave) {
		const told = await dialog(`${info.label} this job?`, (close) =>
			h(
				'form',
				{
					onsubmit: (event) => {
						event.preventDefault();
						close({ reason: event.target.elements.reason.value });
					},
				},
				h('p', {}, verb === 'replay' ? 'All of its calls are made again, also those that went well. Their keys stay the same.' : 'It ends here. An attempt under way is fenced off: what it has called by now it has called.'),
				reasonField(verb === 'replay'),
				buttons(info.label, close, { grave: true }),
			),
		);
		if (!told) return false;
		reason = told.reason;
	}
	try {
		await steer(job.id, verb, reason);
		toast(`${info.label}: done`);
		look();
		return true;
	} catch (error) {
		tellError(error);
		return false;
	}
}

/* --- many --- */

const countsOf = (counts, name) =>
	Object.entries(counts ?? {})
		.filter(([, n]) => n)
		.map(([key, n]) => h('li', {}, h('span', {}, name(key)), h('b', {}, number(n))));

function planSummary(plan) {
	const phases = countsOf(plan.phases, (key) => `Phase ${key}${phaseOf(Number(key)) ? ` ${phaseOf(Number(key)).name}` : ''}`);
	const receivers = countsOf(plan.receivers, (key) => key);
	return h(
		'div.plan',
		{},
		h('p.plan-n', {}, h('b', {}, plural(plan.jobs, 'job')), ` of ${number(plan.scanned)} that were looked at`),
		plan.unfit ? h('p.dim', {}, `${plural(plan.unfit, 'more job')} match${plan.unfit === 1 ? 'es' : ''}, but in a state that does not allow it.`) : null,
		plan.complete ? null : h('p.warn-text', {}, 'Looking was stopped: there may be more. Apply this plan, then plan again.'),
		h('div.plan-lists', {}, phases.length ? h('div', {}, h('h3', {}, 'By phase'), h('ul', {}, phases)) : null, receivers.length ? h('div', {}, h('h3', {}, 'Calls that follow, by receiver'), h('ul', {}, receivers)) : null),
	);
}

/* Step by step, so that it can be stopped between two, and what was done is known. */
async function run(form, what, step) {
	const bar = h('progress', { max: 1, value: 0, 'aria-label': what });
	const said = h('p', { role: 'status' }, `${what} …`);
	let stopped = false;
	form.replaceChildren(said, bar, h('div.dialog-end', {}, h('button', { type: 'button', onclick: () => (stopped = true) }, 'Stop after this batch')));
	for (;;) {
		const { done, total, text } = await step();
		bar.max = Math.max(1, total);
		bar.value = done;
		said.textContent = text;
		if (done >= total || stopped) return;
	}
}

async function applyPlan(form, plan, reason) {
	let now = plan;
	await run(form, VERBS[plan.verb].label, async () => {
		now = (await post(`/plans/${encodeURIComponent(plan.plan)}/apply`, {}, { reason, limit: BATCH })).plan;
		return { done: now.jobs - now.left, total: now.jobs, text: `${number(now.done)} of ${number(now.jobs)} ${VERBS[plan.verb].done}` };
	});
	return now;
}

export async function undo(operation, reason = 'undone on the ops page') {
	await dialog('Undo', (close) => {
		const form = h('form', { onsubmit: (e) => e.preventDefault() });
		let last = null;
		let first = null;
		run(form, 'Undo', async () => {
			const answer = await post(`/operations/${encodeURIComponent(operation)}/undo`, {}, { reason, limit: BATCH });
			last = answer.operation;
			first = first ?? (answer.events_left ?? 0) + 1;
			return { done: last.undo_ended ? first : Math.min(first - 1, first - (answer.events_left ?? 0)), total: first, text: `${plural(last.undone, 'job')} taken back` };
		})
			.then(() => toast(`${plural(last.undone, 'job')} taken back${last.kept ? `, ${number(last.kept)} had gone on and stay as they are` : ''}`))
			.catch(tellError)
			.finally(() => (close(), look()));
		return form;
	});
}

function tellApplied(plan) {
	const skipped = plan.changed + plan.gone;
	toast(`${plural(plan.done, 'job')} ${VERBS[plan.verb].done}${skipped ? `, ${number(skipped)} had changed meanwhile` : ''}${plan.left ? `, ${number(plan.left)} left` : ''}`, {
		action: plan.operation && plan.done ? { label: 'Undo', run: () => undo(plan.operation) } : null,
	});
}

/* Many jobs by a selection: what it would come to, then, with a reason, for good. */
async function bulkByPlan(verb, where, named = where) {
	const info = VERBS[verb];
	let plan;
	try {
		plan = (await post('/plans', {}, { verb, where })).plan;
	} catch (error) {
		tellError(error);
		return false;
	}
	if (!plan.jobs) {
		toast(`Nothing to ${info.label.toLowerCase()}: no job that matches is in a state that allows it.`);
		return false;
	}
	const applied = await dialog(`${info.label} ${plural(plan.jobs, 'job')}?`, (close) => {
		const form = h(
			'form',
			{
				onsubmit: (event) => {
					event.preventDefault();
					applyPlan(form, plan, event.target.elements.reason.value).then(close, (error) => (tellError(error), close(null)));
				},
			},
			h('p.mono.cut', { title: named }, named || 'all jobs'),
			planSummary(plan),
			reasonField(true),
			buttons(`${info.label} ${plural(plan.jobs, 'job')}`, close, { grave: info.grave }),
		);
		return form;
	});
	if (!applied) return false;
	tellApplied(applied);
	look();
	return true;
}

/* One by one, for jobs that were picked by hand, or where the server makes no plans. */
async function bulkById(verb, jobs) {
	const info = VERBS[verb];
	const fit = jobs.filter((job) => info.on.includes(job.state));
	if (!fit.length) {
		toast(`Nothing to ${info.label.toLowerCase()}: none of these is in a state that allows it.`);
		return false;
	}
	const phases = {};
	for (const job of fit) phases[job.phase ?? job.step] = (phases[job.phase ?? job.step] ?? 0) + 1;
	const counts = await dialog(`${info.label} ${plural(fit.length, 'job')}?`, (close) => {
		const form = h(
			'form',
			{
				onsubmit: (event) => {
					event.preventDefault();
					const reason = event.target.elements.reason.value;
					const n = { done: 0, changed: 0, at: 0 };
					run(form, info.label, async () => {
						const job = fit[n.at++];
						try {
							await steer(job.id, verb, reason);
							n.done++;
						} catch (error) {
							if (error.status !== 409 && error.status !== 404) throw error;
							n.changed++;
						}
						return { done: n.at, total: fit.length, text: `${number(n.at)} of ${number(fit.length)}` };
					}).then(() => close(n), (error) => (tellError(error), close(n)));
				},
			},
			planSummary({ jobs: fit.length, scanned: jobs.length, unfit: jobs.length - fit.length, complete: true, phases }),
			reasonField(true),
			buttons(`${info.label} ${plural(fit.length, 'job')}`, close, { grave: info.grave }),
		);
		return form;
	});
	if (!counts) return false;
	toast(`${plural(counts.done, 'job')} ${info.done}${counts.changed ? `, ${number(counts.changed)} had changed meanwhile` : ''}`);
	look();
	return true;
}

/* what: {where, jobs}: the selection's text, or the jobs that were picked, or both where the first stands for the second. */
export async function actOnMany(verb, { where, jobs }) {
	const can = await features();
	if (can.plans && where !== undefined) return bulkByPlan(verb, where);
	if (can.plans && jobs.length <= 50) return bulkByPlan(verb, whereOf({ id: jobs.map((job) => job.id) }), `${plural(jobs.length, 'job')} picked by hand`);
	return bulkById(verb, jobs);
}

/* --- pauses --- */

export async function pauseReceiver(name) {
	const told = await dialog(`Pause ${name}?`, (close) =>
		h(
			'form',
			{
				onsubmit: (event) => {
					event.preventDefault();
					const { reason, span } = event.target.elements;
					close({ reason: reason.value, for: span.value });
				},
			},
			h('p', {}, 'No further calls are made to it; those under way end. Its jobs wait, and no attempt is charged to them.'),
			h('label.field', {}, 'For', h('select', { name: 'span' }, [['', 'until resumed'], ['10m', '10 minutes'], ['30m', '30 minutes'], ['1h', 'an hour'], ['4h', '4 hours'], ['1d', 'a day']].map(([value, text]) => h('option', { value }, text)))),
			reasonField(false),
			buttons('Pause', close),
		),
	);
	if (told) await steerQueue('pause', { receiver: name, ...told });
}

export async function steerQueue(verb, params) {
	try {
		await post(`/queue/${verb}`, params);
		toast(`${verb === 'pause' ? 'Paused' : 'Resumed'}: ${params.receiver ?? (params.phase ? `phase ${params.phase}` : 'the queue')}`);
		look();
	} catch (error) {
		tellError(error);
	}
}

