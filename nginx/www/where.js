/* where.js: the selection's text (clario-spool(8), SELECTING) as this page needs it: to put a term in or take it out, to
 * say the equal command, and, for a server that has no where= yet, as its parameters. The server judges it. Pure. */
import { quoted } from './format.js';

const TERM = /([A-Za-z_][\w.-]*)\s*(!=|<=|>=|=|<|>|~)\s*((?:"(?:\\.|[^"\\])*"|[^\s,"]+)(?:,(?:"(?:\\.|[^"\\])*"|[^\s,"]+))*)/g;

/* [{field, op, value (as written)}], or null where the text is not made of terms alone. */
export function termsOf(text) {
	const terms = [];
	const rest = text.replace(TERM, (all, field, op, value) => {
		terms.push({ field, op, value });
		return '';
	});
	return rest.trim() ? null : terms;
}

export const textOf = (terms) => terms.map((t) => `${t.field}${t.op}${t.value}`).join(' ');

/* A value as the grammar wants it. */
export const word = (value) =>
	/^[^\s,"=<>~!\u0000-\u001f\u007f][^\s,"\u0000-\u001f\u007f]*$/.test(value)
		? value
		: `"${String(value).replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t')}"`;

const unquoted = (value) =>
	value.startsWith('"')
		? value.slice(1, -1).replace(/\\(.)/g, (all, c) => ({ n: '\n', r: '\r', t: '\t' })[c] ?? c)
		: value;

/* The value of field=value where that stands by itself; '' else. */
export function valueOf(text, field) {
	const found = (termsOf(text) ?? []).filter((t) => t.field === field && t.op === '=');
	return found.length === 1 ? unquoted(found[0].value) : '';
}

/* The text with field=value in place of what it said of that field; value '' takes it out. */
export function withTerm(text, field, value) {
	const terms = termsOf(text);
	if (!terms) return value ? `${text} ${field}=${word(value)}` : text;
	const others = terms.filter((t) => t.field !== field);
	return textOf(value ? [...others, { field, op: '=', value: word(value) }] : others);
}

export function whereOf(fields) {
	return Object.entries(fields)
		.filter(([, value]) => value !== '' && value !== null && value !== undefined)
		.map(([field, value]) => `${field}=${Array.isArray(value) ? value.map((v) => word(String(v))).join(',') : word(String(value))}`)
		.join(' ');
}

const PARAMS = { state: 'state', phase: 'phase', step: 'step', user: 'user_id', user_id: 'user_id', workflow: 'workflow_id', workflow_id: 'workflow_id' };
const OPTIONS = { state: '--state', phase: '--phase', user_id: '--user', workflow_id: '--workflow' };

/* The parameters that say the same; null: there are none that do. */
export function paramsOf(text) {
	const params = {};
	for (const { field, op, value } of termsOf(text) ?? [{}]) {
		const name = PARAMS[field];
		if (!name || op !== '=' || params[name] || /^[^"]*,/.test(value)) return null;
		params[name] = unquoted(value);
	}
	return params;
}

/* Options of clario-spool that say the same, the short ones where they do. */
export function optionsOf(text) {
	if (!text.trim()) return '';
	const params = paramsOf(text);
	if (params && Object.keys(params).every((name) => OPTIONS[name]))
		return Object.entries(params)
			.map(([name, value]) => ` ${OPTIONS[name]} ${quoted(value)}`)
			.join('');
	return ` --where ${quoted(text)}`;
}
