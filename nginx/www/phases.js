/* phases.js: the chain, in its order: what people call each phase, and within what time of the one before it should
 * come (its service level), in ms, where the service does not say. Older steps have numbers from 10 on. */
export const PHASES = [
	{ phase: 1, name: 'Onboarding', title: 'Zero-Friction Onboarding', level: 30000 },
	{ phase: 2, name: 'Discovery', title: 'Autonomous Money Discovery', level: 60000 },
	{ phase: 3, name: 'Evidence', title: 'Intelligent Evidence Ecosystem', level: 120000 },
	{ phase: 4, name: 'Refunds', title: 'Predictive Refund Orchestration', level: 90000 },
	{ phase: 5, name: 'Recovery', title: 'Autonomous Recovery Pipeline', level: 10000 },
	{ phase: 6, name: 'Learning', title: 'Continuous Learning Brain', level: 15000 },
	{ phase: 7, name: 'Transparency', title: 'Hyper-Transparency Layer', level: 60000 },
];

export const phaseOf = (n) => PHASES.find((p) => p.phase === n);

/* What the service said of a phase's service level, in ms; 0 is none. */
export const levelOf = (n, said) => (said ?? phaseOf(n).level) || Infinity;

export const STATES = ['waiting', 'delayed', 'active', 'failed', 'held', 'completed', 'cancelled'];
export const ENDED = ['completed', 'failed', 'cancelled'];

/* What may be done to a job in a state, most likely first. */
const ALLOWED = {
	waiting: ['hold', 'cancel'],
	delayed: ['run-now', 'hold', 'cancel'],
	active: ['cancel'],
	failed: ['retry', 'replay'],
	held: ['release', 'cancel'],
	completed: ['replay'],
	cancelled: ['retry', 'replay'],
};
export const actsOn = (state) => ALLOWED[state] ?? [];

export const VERBS = {
	retry: { label: 'Retry', done: 'retried', on: ['failed', 'cancelled'], command: 'retry' },
	'run-now': { label: 'Run now', done: 'to run now', on: ['delayed'], command: 'run-now' },
	hold: { label: 'Hold', done: 'held', on: ['waiting', 'delayed'], command: 'hold' },
	release: { label: 'Release', done: 'released', on: ['held'], command: 'release' },
	cancel: { label: 'Cancel', done: 'cancelled', on: ['waiting', 'delayed', 'active', 'held'], command: 'cancel', grave: true },
	replay: { label: 'Replay', done: 'to be replayed', on: ['completed', 'failed', 'cancelled'], command: 'retry --again', grave: true },
};
