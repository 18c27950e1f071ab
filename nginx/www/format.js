/* format.js: numbers, times and spans as people read them. Pure but for the clock. */

const whole = new Intl.NumberFormat('en');
export const number = (n) => whole.format(n ?? 0);
export const plural = (n, one, many = `${one}s`) => `${number(n)} ${n === 1 ? one : many}`;

const UNITS = [
	['d', 86400000],
	['h', 3600000],
	['m', 60000],
	['s', 1000],
];

/* A span in ms, in two units at most: 850 ms, 4.2 s, 3m 20s, 2h 5m, 4d 3h. */
export function span(ms) {
	if (ms === null || ms === undefined || Number.isNaN(ms)) return '–';
	if (ms < 0) return `-${span(-ms)}`;
	if (ms < 1000) return `${Math.round(ms)} ms`;
	if (ms < 10000) return `${(ms / 1000).toFixed(1)} s`;
	if (ms < 60000) return `${Math.round(ms / 1000)} s`;
	const first = UNITS.findIndex(([, size]) => ms >= size);
	const [name, size] = UNITS[first];
	const [nextName, nextSize] = UNITS[first + 1];
	const big = Math.floor(ms / size);
	const small = Math.floor((ms % size) / nextSize);
	return small ? `${big}${name} ${small}${nextName}` : `${big}${name}`;
}

export const ms = (time) => (time ? Date.parse(time) : null);
export const since = (time, now = Date.now()) => (time ? now - Date.parse(time) : null);

/* "4m ago", "in 32 s". */
export function ago(time, now = Date.now()) {
	if (!time) return '–';
	const away = Date.parse(time) - now;
	return away > 0 ? `in ${span(away)}` : -away < 1000 ? 'just now' : `${span(-away)} ago`;
}

const pad = (n, len = 2) => String(n).padStart(len, '0');

/* Local time, to the second; with ms where a timeline needs them. */
export function clock(time, { millis = false } = {}) {
	if (!time) return '–';
	const t = new Date(time);
	const day = `${t.getFullYear()}-${pad(t.getMonth() + 1)}-${pad(t.getDate())}`;
	const hour = `${pad(t.getHours())}:${pad(t.getMinutes())}:${pad(t.getSeconds())}`;
	return `${day} ${hour}${millis ? `.${pad(t.getMilliseconds(), 3)}` : ''}`;
}

export function bytes(n) {
	const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
	let i = 0;
	while (n >= 1024 && i < names.length - 1) {
		n /= 1024;
		i++;
	}
	return `${n < 10 && i ? n.toFixed(1) : Math.round(n)} ${names[i]}`;
}

export function percent(part, of) {
	if (!of) return '–';
	const p = (100 * part) / of;
	return `${p > 0 && p < 10 ? p.toFixed(1) : Math.round(p)} %`;
}

/* The value below which a share q of them lies (nearest rank); null of none. */
export function quantile(values, q) {
	if (!values.length) return null;
	const sorted = [...values].sort((a, b) => a - b);
	return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)];
}

export const shortId = (id) => (id ? id.slice(-12) : '');

/* A value for a shell, quoted where it must be. */
export const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${String(text).replaceAll("'", "'\\''")}'`);
