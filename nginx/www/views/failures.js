/* views/failures.js: failed jobs in groups of one phase and one error, which the server makes: retry one, look how it goes,
 * then the rest. */
import { h } from '../dom.js';
import { features, get } from '../api.js';
import { number, plural } from '../format.js';
import { PHASES, phaseOf } from '../phases.js';
import { actOnJob, actOnMany } from '../act.js';
import { button, empty, heading, hrefOf, idLink, jobsHref, phaseName, when } from '../ui.js';

const GROUPS = 100;

const calledOf = (g) => [g.call && `call ${g.call}`, g.receiver && `receiver ${g.receiver}`, g.status && `HTTP ${g.status}`].filter(Boolean).join(' · ');

function card(g, can, complete, again) {
	const n = g.phase ?? g.step;
	const kind = g.error ?? 'no error was kept';
	const rest = async () => (await actOnMany('retry', { where: g.where })) && again();
	return h(
		'section.panel.failure',
		{ 'data-key': `${n} ${kind}`, 'aria-label': `${plural(g.jobs, 'job')}: ${kind}` },
		h('div.failure-n', {}, h('b', {}, `${number(g.jobs)}${complete ? '' : '+'}`), h('span.dim', {}, g.jobs === 1 ? 'job' : 'jobs')),
		h(
			'div.failure-text',
			{},
			h('p', {}, phaseName(g), h('span.dim', {}, calledOf(g) ? ` · ${calledOf(g)}` : '')),
			h('p.mono.break', {}, kind),
			h('p.dim', {}, 'newest ', idLink(g.newest), ' failed ', when(g.last_at), g.jobs > 1 ? [', the first ', when(g.first_at)] : null),
		),
		h(
			'div.failure-acts',
			{},
			button('Retry one', async () => (await actOnJob({ id: g.newest }, 'retry')) && again(), { kind: 'primary' }),
			g.where && can.plans ? button(`Retry ${g.jobs === 1 ? 'it with a reason' : 'the rest'}`, rest) : null,
			g.where && can.where ? h('a', { href: jobsHref(g.where) }, 'Jobs') : null,
		),
	);
}

function noteOf({ complete, looked_at: lookedAt, jobs, groups_total: kinds }, of) {
	if (!lookedAt) return '';
	const counted = complete ? plural(lookedAt, 'failed job') : `the newest ${number(lookedAt)}${jobs === null ? '' : ` of ${number(jobs)}`} failed jobs`;
	return `${counted}${of}, ${plural(kinds, 'kind')}`;
}

export default {
	title: 'Failures',
	heavy: true,
	command: ({ phase, step }) => `clario-spool failures${phase || step ? ` --phase ${phase || step}` : ''}`,
	async load({ phase, step }, signal) {
		const can = await features();
		return { found: await get('/failures', { phase, step, limit: GROUPS }, signal), can };
	},
	render({ found, can }, { phase, step }, again) {
		const of = phase ? ` of phase ${phase}${phaseOf(Number(phase)) ? ` ${phaseOf(Number(phase)).name}` : ''}` : step ? ` of step ${step}` : '';
		const more = found.groups_total - found.groups.length;
		return [
			heading('Failures', h('span.note', {}, noteOf(found, of))),
			h('nav.chips', { 'aria-label': 'Phases' }, h('a', { href: hrefOf('/failures'), 'aria-current': phase || step ? null : 'true' }, 'All'), PHASES.map((p) => h('a', { href: hrefOf('/failures', { phase: p.phase }), 'aria-current': String(p.phase) === phase ? 'true' : null }, `${p.phase} ${p.name}`))),
			found.groups.length ? found.groups.map((g) => card(g, can, found.complete, again)) : empty(`No failed jobs${of}.`),
			more > 0 ? h('p.dim', {}, `There are ${plural(more, 'more kind')}, of fewer jobs each.`) : null,
		];
	},
};
