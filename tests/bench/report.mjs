// report.mjs FIGURES JSON SVG ROUNDS SECONDS: the figures of one run as a table beside the targets, as JSON and as a
// chart. Ratios are taken within each round; medians of the rounds are told. Exit 1: the run is void.
import fs from 'node:fs';
import os from 'node:os';
import { chart } from './chart.mjs';

const [figuresPath, jsonPath, svgPath, rounds, seconds] = process.argv.slice(2);
const figures = fs.readFileSync(figuresPath, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));

const part = (name) => figures.filter((f) => f.part === name);
const unique = (list) => [...new Set(list)];

function median(list) {
	const sorted = list.filter((x) => Number.isFinite(x)).sort((a, b) => a - b);
	if (sorted.length === 0) return NaN;
	const middle = sorted.length >> 1;
	return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const submits = part('submit').map((f) => ({ ...f, rate: f.requests / f.seconds }));
const drains = part('drain').map((f) => ({ ...f, rate: f.jobs / f.seconds }));
const mixed = part('mixed').map((f) => ({ ...f, rate: f.requests / f.seconds }));
const receivers = part('receivers').map((f) => ({ ...f, rate: f.jobs / f.seconds }));
const tokens = part('tokens').map((f) => ({ ...f, rate: f.requests / f.seconds }));
const check = part('check')[0]?.known_us ?? NaN;
const depths = part('depth');
const starts = part('fair').flatMap((f) => f.start_ms);
const ends = part('fair').flatMap((f) => f.end_ms);
const worst = (list) => (list.length ? Math.max(...list) : NaN);

function pick(list, subject, connections, field) {
	return list.filter((f) => f.subject === subject && (connections === null || f.connections === connections))
		.sort((a, b) => a.round - b.round).map((f) => f[field]);
}

function ratio(list, above, below, connections = null, field = 'rate') {
	const a = pick(list, above, connections, field);
	const b = pick(list, below, connections, field);
	return median(a.map((x, i) => x / b[i]));
}

const deepest = depths[depths.length - 1];
const growth = (field) => (depths.length > 1 ? deepest[field] / depths[0][field] : NaN);
const memory = (daemon) => (part('memory').find((f) => f.daemon === daemon)?.kib ?? NaN) / 1024;
const scrape = part('scrape')[0];
const cold = part('cold')[0]?.seconds ?? NaN;

// What design asks for: name, value, how it compares, bound, unit.
const targets = [
	['submit / no-op, 64 connections, as shipped', ratio(submits, 'real', 'noop', 64), '>=', 0.8, 'x'],
	['submit / no-op, 64 connections, kept alive', ratio(submits, 'real-kept', 'noop-kept', 64), '>=', 0.8, 'x'],
	['submit / Bull, 64 connections, as shipped', ratio(submits, 'real', 'bull', 64), '>=', 4, 'x'],
	['submit / Bull, 256 connections, as shipped', ratio(submits, 'real', 'bull', 256), '>=', 4, 'x'],
	['submit / Bull, 64 connections, kept alive', ratio(submits, 'real-kept', 'bull', 64), '>=', 5, 'x'],
	['submit / Bull, 256 connections, kept alive', ratio(submits, 'real-kept', 'bull', 256), '>=', 5, 'x'],
	['submit / Bull, 1 connection', ratio(submits, 'real', 'bull', 1), '>=', 1.2, 'x'],
	['p99 of submit / of Bull, 1 connection', ratio(submits, 'real', 'bull', 1, 'p99_ms'), '<=', 1, 'x'],
	['submit / BullMQ, 64 connections, as shipped', ratio(submits, 'real', 'bullmq', 64), '>=', 4, 'x'],
	['p99 of submit while draining / alone', ratio(mixed, 'draining', 'alone', null, 'p99_ms'), '<=', 2, 'x'],
	['drain / Bull, 64 in flight', ratio(drains, 'real', 'bull'), '>=', 5, 'x'],
	['drain / BullMQ, 64 in flight', ratio(drains, 'real', 'bullmq'), '>=', 5, 'x'],
	['drain / bare libcurl loop', ratio(drains, 'real', 'loop'), '>=', 0.7, 'x'],
	['others with one receiver of four hanging / all well', ratio(receivers, 'hang', 'well'), '>=', 0.95, 'x'],
	['the same, refused', ratio(receivers, 'refused', 'well'), '>=', 0.95, 'x'],
	['submit with a token / without', ratio(tokens, 'token', 'none'), '>=', 0.97, 'x'],
	['processor time of a token\'s check / of a submit\'s handler', check / median(pick(tokens, 'none', null, 'cpu_us')), '<=', 0.03, 'x'],
	['start of a new user\'s job behind another\'s 100,000, worst', worst(starts) / 1000, '<=', 1, 's'],
	[`processor time of a submit, ${deepest?.depth} queued / 1000, batches of 64`, growth('submit_64_us'), '<=', 1.5, 'x'],
	[`processor time of a submit, ${deepest?.depth} queued / 1000, alone`, growth('submit_1_us'), '<=', 1.5, 'x'],
	[`processor time of claim and settle, ${deepest?.depth} queued / 1000`, growth('claim_settle_us'), '<=', 1.5, 'x'],
	['disk for a queued job beyond its payload', deepest?.bytes_per_job ?? NaN, '<=', 350, 'bytes'],
	['private memory of clario-fcgi', memory('clario-fcgi'), '<=', 32, 'MiB'],
	['private memory of clario-worker, draining', memory('clario-worker, draining'), '<=', 32, 'MiB'],
	[`a scrape of /metrics at ${scrape?.jobs} jobs, p99`, scrape?.p99_ms ?? NaN, '<=', 5, 'ms'],
	['cold start to the first delivery', cold, '<=', 1, 's'],
].filter(([, value]) => Number.isFinite(value)).map(([name, value, order, bound, unit]) => ({
	name, value, order, bound, unit, met: order === '>=' ? value >= bound : value <= bound,
}));

function submitRows() {
	return unique(submits.map((f) => f.connections)).flatMap((connections) =>
		unique(submits.map((f) => f.subject)).map((subject) => ({
			connections,
			subject,
			per_second: median(pick(submits, subject, connections, 'rate')),
			p50_ms: median(pick(submits, subject, connections, 'p50_ms')),
			p99_ms: median(pick(submits, subject, connections, 'p99_ms')),
			cpu_us: median(pick(submits, subject, connections, 'cpu_us')),
			to_noop: ratio(submits, subject, subject.endsWith('kept') ? 'noop-kept' : 'noop', connections),
		})));
}

// Why the run does not count; empty when it does.
function faults() {
	const failed = figures.filter((f) => f.errors > 0)
		.map((f) => `${f.part} ${f.subject ?? ''} ${f.connections ?? ''}: ${f.errors} errors`);
	const lost = part('stored').filter((f) => f.stored < f.acknowledged)
		.map((f) => `${f.acknowledged} submits were acknowledged, ${f.stored} jobs are in the spool`);
	return [...failed, ...lost];
}

const pad = (text, width) => String(text).padStart(width);
const fixed = (x, digits) => (Number.isFinite(x) ? x.toFixed(digits) : '-');

function table(report) {
	const lines = [];
	if (report.submits.length) {
		lines.push(`Submits through nginx, medians of ${rounds} x ${seconds} s on ${report.processors} processors:`);
		lines.push(`${pad('connections', 12)} ${'subject'.padEnd(10)}${pad('a second', 10)}${pad('p50 ms', 9)}` +
			`${pad('p99 ms', 9)}${pad('handler us', 12)}${pad('to no-op', 10)}`);
		for (const r of report.submits)
			lines.push(`${pad(r.connections, 12)} ${r.subject.padEnd(10)}${pad(fixed(r.per_second, 0), 10)}` +
				`${pad(fixed(r.p50_ms, 2), 9)}${pad(fixed(r.p99_ms, 2), 9)}${pad(fixed(r.cpu_us, 1), 12)}` +
				`${pad(fixed(r.to_noop, 2), 10)}`);
	}
	if (report.drains.length)
		lines.push('', 'Drain, jobs a second: ' + report.drains.map((d) => `${d.subject} ${fixed(d.per_second, 0)}`).join(', '));
	if (report.receivers.length)
		lines.push('Three receivers of four, jobs a second: ' +
			report.receivers.map((r) => `fourth ${r.subject} ${fixed(r.per_second, 0)}`).join(', '));
	if (report.fair)
		lines.push(`A new user's job behind another's: started after ${fixed(report.fair.start_median_ms, 0)} ms ` +
			`(worst ${fixed(report.fair.start_worst_ms, 0)}), ended after ${fixed(report.fair.end_median_ms, 0)} ms ` +
			`(worst ${fixed(report.fair.end_worst_ms, 0)}); behind 9,999 other users' single jobs, too: ` +
			`${fixed(report.fair.first_ms, 0)} ms; the crowded user's own meanwhile: ` +
			`${fixed(report.fair.crowd_per_second, 0)} a second`);
	if (report.tokens.length)
		lines.push('Submits a second, and the handler\'s processor time: ' + report.tokens.map((r) =>
			`${r.subject} ${fixed(r.per_second, 0)}, ${fixed(r.cpu_us, 1)} us`).join('; ') +
			`; a check of a token alone: ${fixed(report.check?.known_us, 2)} us, of an unknown one ` +
			`${fixed(report.check?.unknown_us, 2)} us`);
	for (const d of report.depths)
		lines.push(`Depth ${pad(d.depth, 9)}: submit ${d.submit_1_us} us alone, ${d.submit_16_us} in 16, ` +
			`${d.submit_64_us} in 64; claim and settle ${d.claim_settle_us} us; ${d.bytes_per_job} bytes a job`);
	for (const m of report.redis)
		lines.push(`Redis holds ${m.jobs} jobs of ${m.subject} in ${fixed(m.bytes / 1048576, 0)} MiB`);
	lines.push('', `${'What is asked for'.padEnd(72)}${pad('here', 10)}${pad('asked', 12)}`);
	for (const t of report.targets)
		lines.push(`${t.name.padEnd(72)}${pad(fixed(t.value, 2), 10)}${pad(`${t.order} ${t.bound} ${t.unit}`, 14)}` +
			`  ${t.met ? 'met' : 'NOT MET'}`);
	return lines.join('\n');
}

const report = {
	processors: os.cpus().length,
	rounds: Number(rounds),
	seconds: Number(seconds),
	void: faults(),
	targets,
	submits: submitRows(),
	drains: unique(drains.map((f) => f.subject)).map((subject) => ({
		subject, per_second: median(pick(drains, subject, null, 'rate')),
	})),
	mixed: unique(mixed.map((f) => f.subject)).map((subject) => ({
		subject,
		per_second: median(pick(mixed, subject, null, 'rate')),
		p99_ms: median(pick(mixed, subject, null, 'p99_ms')),
	})),
	receivers: unique(receivers.map((f) => f.subject)).map((subject) => ({
		subject,
		per_second: median(pick(receivers, subject, null, 'rate')),
		samples: pick(receivers, subject, null, 'samples'),
	})),
	fair: starts.length ? {
		start_median_ms: median(starts),
		start_worst_ms: worst(starts),
		end_median_ms: median(ends),
		end_worst_ms: worst(ends),
		first_ms: median(part('fair').map((f) => f.first_ms)),
		crowd_per_second: median(part('fair').map((f) => f.crowd / f.seconds)),
	} : undefined,
	tokens: unique(tokens.map((f) => f.subject)).map((subject) => ({
		subject,
		per_second: median(pick(tokens, subject, null, 'rate')),
		cpu_us: median(pick(tokens, subject, null, 'cpu_us')),
	})),
	check: part('check')[0],
	depths,
	memory: part('memory'),
	redis: part('redis').filter((f, i, all) => all.findIndex((g) => g.subject === f.subject) === i),
	scrape: part('scrape'),
	cold_start: part('cold'),
};
fs.writeFileSync(jsonPath, JSON.stringify(report, null, '\t') + '\n');
fs.writeFileSync(svgPath, chart(report));
console.log(table(report));
console.log(`\nWritten to ${jsonPath} and ${svgPath}`);
if (report.void.length) {
	console.error(`bench: void:\n  ${report.void.join('\n  ')}`);
	process.exit(1);
}
