/* views/workflow.js: one workflow: the seven phases as a track, with times, gaps and service levels. */
import { h } from '../dom.js';
import { ApiError, get } from '../api.js';
import { number, plural, span } from '../format.js';
import { PHASES, levelOf } from '../phases.js';
import { trackOf } from '../history.js';
import { quoted } from '../format.js';
import { whereOf } from '../where.js';
import { eventColumns } from './job.js';
import { jobColumns } from './jobs.js';
import { badge, facts, heading, jobHref, jobsHref, section, table } from '../ui.js';

const STATUS = { running: 'active', waiting: 'waiting', held: 'held', failed: 'failed', cancelled: 'cancelled', completed: 'completed' };

function station({ phase, job, n, waited, ran, gap }, levels) {
	const level = levelOf(phase.phase, levels?.[phase.phase]);
	const late = gap !== null && gap > level;
	return h(
		'li',
		{ class: `station s-${job ? job.state : 'none'}`, 'data-key': String(phase.phase) },
		h('div.station-gap', { title: `from the end of the phase before${level === Infinity ? '' : `; service level ${span(level)}`}` }, gap === null ? '' : h('span', { class: late ? 'warn-text' : 'dim' }, gap < 0 ? 'overlaps' : `+${span(gap)}`)),
		h('div.station-mark', { 'aria-hidden': 'true' }, job ? { completed: '✓', failed: '!', cancelled: '×', held: '‖' }[job.state] ?? String(phase.phase) : String(phase.phase)),
		h(
			'div.station-text',
			{},
			h('div.station-name', {}, job ? h('a', { href: jobHref(job.id) }, `${phase.phase} ${phase.name}`) : `${phase.phase} ${phase.name}`),
			job ? badge(job.state) : h('span.dim', {}, 'not sent'),
			job ? h('div.station-times', {}, h('span', {}, 'waited ', h('b', {}, span(waited))), h('span', {}, 'ran ', h('b', {}, span(ran)))) : null,
			late ? h('div.warn-text', {}, `beyond ${span(level)}`) : null,
			n > 1 ? h('div.dim', {}, `newest of ${number(n)}`) : null,
		),
	);
}

export default {
	title: 'Workflow',
	command: ({ id }) => `clario-spool workflow ${quoted(id)}`,
	async load({ id }, signal) {
		try {
			return await get(`/workflows/${encodeURIComponent(id)}`, {}, signal);
		} catch (error) {
			if (error instanceof ApiError && error.status === 404) return null;
			throw error;
		}
	},
	render(wf, { id }) {
		if (!wf) return [heading('Workflow'), h('div.empty', {}, h('p', {}, 'There is no such workflow.'), h('p.dim', {}, id))];
		const track = trackOf(wf.jobs, PHASES);
		const first = wf.jobs[0];
		const last = wf.jobs.reduce((latest, job) => (job.finished_at && (!latest || job.finished_at > latest) ? job.finished_at : latest), null);
		return [
			heading(h('span', {}, h('span.break', {}, wf.workflow_id), ' ', badge(STATUS[wf.status] ?? 'waiting', wf.status))),
			section('Track', { note: `${plural(track.filter((t) => t.job).length, 'phase')} of 7` }, h('ol.track', {}, track.map((step) => station(step, wf.service_levels_ms)))),
			facts([
				['User', h('a', { href: jobsHref(whereOf({ user: wf.user_id })) }, wf.user_id)],
				['Step', `${wf.current_step}`],
				['From first to last', last ? span(Date.parse(last) - Date.parse(first.accepted_at)) : null],
			]),
			section('Jobs', { note: wf.more_jobs ? 'the newest 500' : '', aside: h('a', { href: jobsHref(whereOf({ workflow: wf.workflow_id })) }, 'As a selection') }, table(jobColumns, [...wf.jobs].reverse().slice(0, 100), { label: 'Jobs', key: (job) => job.id })),
			section('History', { note: wf.events_after ? 'the oldest 1,000 events' : wf.events.length > 300 ? 'the newest 300 events' : '' }, table(eventColumns, wf.events.slice(-300), { label: 'History', key: (e) => String(e.seq) })),
		];
	},
};
