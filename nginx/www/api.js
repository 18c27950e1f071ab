/* api.js: requests to the workflow's API on this host. Credentials are kept for this tab alone (sessionStorage) and are
 * sent only there. */

export const BASE = '/api/v1/workflow';
const TOKEN = 'clario.token';
const NAME = 'clario.name';
const TIMEOUT_MS = 20000;

export class ApiError extends Error {
	constructor(status, body) {
		super(body?.error ?? (status ? `The service answered ${status}` : 'The service cannot be reached'));
		this.status = status;
		this.code = body?.code ?? '';
		this.field = body?.field ?? '';
		this.state = body?.state ?? '';
	}
}

export const token = () => sessionStorage.getItem(TOKEN) ?? '';
export const callerName = () => sessionStorage.getItem(NAME) ?? 'ops-page';
export function setAccess({ token: text, name }) {
	if (text) sessionStorage.setItem(TOKEN, text);
	else sessionStorage.removeItem(TOKEN);
	if (name) sessionStorage.setItem(NAME, name);
	else sessionStorage.removeItem(NAME);
}

let count = 0;
/* How many requests this page has made. */
export const requests = () => count;

export function query(params) {
	const out = new URLSearchParams();
	for (const [key, value] of Object.entries(params ?? {}))
		if (value !== undefined && value !== null && value !== '') out.set(key, value);
	const text = out.toString();
	return text ? `?${text}` : '';
}

async function ask(method, path, { params, body, signal } = {}) {
	const headers = { 'X-Clario-Source': callerName() };
	if (token()) headers.Authorization = `Bearer ${token()}`;
	if (body !== undefined) headers['Content-Type'] = 'application/json';
	const limits = [AbortSignal.timeout(TIMEOUT_MS)];
	if (signal) limits.push(signal);
	let answer;
	count++;
	try {
		answer = await fetch(BASE + path + query(params), {
			method,
			headers,
			body: body === undefined ? undefined : JSON.stringify(body),
			signal: AbortSignal.any(limits),
			cache: 'no-store',
			redirect: 'error',
		});
	} catch (error) {
		if (signal?.aborted) throw error;
		throw new ApiError(0, null);
	}
	let json = null;
	try {
		json = await answer.json();
	} catch {
		/* an answer that is no JSON is told by its status */
	}
	if (!answer.ok || json === null) throw new ApiError(answer.ok ? 0 : answer.status, json);
	return json;
}

export const get = (path, params, signal) => ask('GET', path, { params, signal });
export const post = (path, params, body) => ask('POST', path, { params, body });

/* What this server can: by its own description, asked once. */
let document_ = null;
export async function features() {
	if (!document_) {
		const json = await get('/openapi.json');
		const paths = json.paths ?? {};
		const has = (path, method) => Boolean(paths[BASE + path]?.[method]);
		const filters = JSON.stringify(paths[`${BASE}/jobs`]?.get?.parameters ?? []);
		document_ = {
			where: filters.includes('where'),
			plans: has('/plans', 'post') && has('/plans/{id}/apply', 'post'),
			operations: has('/operations', 'get'),
			events: has('/events', 'get'),
			ticket: has('/events/ticket', 'post'),
			audit: has('/audit', 'get'),
			version: json.info?.version ?? '',
		};
	}
	return document_;
}
