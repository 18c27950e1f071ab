// chart.mjs: the submits of a report as bars, one group for each number of connections.
const COLOURS = {
	static: '#bbbbbb', noop: '#888888', 'noop-kept': '#666666', real: '#1f77b4', 'real-kept': '#0b3d66',
	bull: '#d62728', bullmq: '#ff7f0e',
};
const WIDTH = 960;
const HEIGHT = 420;
const MARGIN = { left: 80, right: 20, top: 50, bottom: 60 };

const text = (x, y, words, extra = '') => `<text x="${x}" y="${y}" font-size="13" ${extra}>${words}</text>`;

function bars(rows, groups, subjects, most) {
	const wide = (WIDTH - MARGIN.left - MARGIN.right) / groups.length;
	const bar = wide / (subjects.length + 1);
	const high = HEIGHT - MARGIN.top - MARGIN.bottom;
	return rows.map((r) => {
		const x = MARGIN.left + groups.indexOf(r.connections) * wide + subjects.indexOf(r.subject) * bar;
		const h = (r.per_second / most) * high;
		return `<rect x="${x.toFixed(1)}" y="${(HEIGHT - MARGIN.bottom - h).toFixed(1)}" width="${(bar * 0.9).toFixed(1)}" ` +
			`height="${h.toFixed(1)}" fill="${COLOURS[r.subject]}"><title>${r.subject}, ${r.connections} connections: ` +
			`${r.per_second.toFixed(0)} a second</title></rect>`;
	});
}

function axes(groups, most) {
	const wide = (WIDTH - MARGIN.left - MARGIN.right) / groups.length;
	const high = HEIGHT - MARGIN.top - MARGIN.bottom;
	const lines = [0, 0.25, 0.5, 0.75, 1].map((share) => {
		const y = HEIGHT - MARGIN.bottom - share * high;
		return `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y}" y2="${y}" stroke="#dddddd"/>` +
			text(MARGIN.left - 8, y + 4, (share * most).toFixed(0), 'text-anchor="end"');
	});
	const names = groups.map((g, i) =>
		text(MARGIN.left + (i + 0.45) * wide, HEIGHT - MARGIN.bottom + 20, `${g} connections`, 'text-anchor="middle"'));
	return [...lines, ...names];
}

const legend = (subjects) => subjects.map((s, i) =>
	`<rect x="${MARGIN.left + i * 115}" y="${HEIGHT - 24}" width="12" height="12" fill="${COLOURS[s]}"/>` +
	text(MARGIN.left + i * 115 + 18, HEIGHT - 13, s));

export function chart(report) {
	const rows = report.submits;
	const groups = [...new Set(rows.map((r) => r.connections))];
	const subjects = [...new Set(rows.map((r) => r.subject))];
	const most = Math.max(1, ...rows.map((r) => r.per_second));
	const title = `Triggers accepted a second, ${report.rounds} x ${report.seconds} s, ${report.processors} processors`;
	return [
		`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif">`,
		`<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
		text(MARGIN.left, 28, report.void.length ? `VOID: ${title}` : title, 'font-weight="bold"'),
		...axes(groups.length ? groups : [1], most), ...bars(rows, groups, subjects, most), ...legend(subjects), '</svg>', '',
	].join('\n');
}
