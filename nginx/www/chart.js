/* chart.js: small charts as SVG. */
import { s } from './dom.js';

/* A line of values, from 0. It is decoration beside figures: hidden from screen readers unless it has a label. */
export function sparkline(values, { width = 96, height = 22, label = '' } = {}) {
	const a11y = label ? { role: 'img', 'aria-label': label } : { 'aria-hidden': 'true' };
	const max = Math.max(...values, 0);
	const svg = s('svg.spark', { viewBox: `0 0 ${width} ${height}`, width, height, ...a11y });
	const y = (v) => height - 2 - (max ? (v / max) * (height - 4) : 0);
	const x = (i) => (values.length < 2 ? 0 : (i / (values.length - 1)) * width);
	if (values.length < 2 || !max) {
		svg.append(s('path.spark-zero', { d: `M0 ${height - 2}H${width}` }));
		return svg;
	}
	const line = values.map((v, i) => `${i ? 'L' : 'M'}${x(i).toFixed(1)} ${y(v).toFixed(1)}`).join('');
	svg.append(s('path.spark-area', { d: `${line}V${height}H0Z` }), s('path.spark-line', { d: line }));
	return svg;
}

/* How much of something there is; level: good, warn or bad. */
export function meter(share, level, label) {
	const width = Math.max(0, Math.min(1, share)) * 100;
	return s(
		'svg.meter',
		{ viewBox: '0 0 100 6', preserveAspectRatio: 'none', role: 'img', 'aria-label': label },
		s('rect.meter-all', { width: 100, height: 6, rx: 1 }),
		s(`rect.meter-part.${level}`, { width: width.toFixed(2), height: 6, rx: 1 }),
	);
}
