/* dom.js: elements out of data. Text only ever becomes text nodes and attributes, never markup: what a job says cannot
 * become part of the page. */

const SVG = 'http://www.w3.org/2000/svg';

/* h('a.link', {href, onclick, 'aria-label': ...}, children...). Children: nodes, texts, numbers, arrays; null and false
 * are left out. Handlers stay on the element by name, so that morph() can hand them over. */
export function h(tag, props, ...children) {
	return fill(make(document.createElement.bind(document), tag), props, children);
}

/* The same for SVG. */
export function s(tag, props, ...children) {
	return fill(make((name) => document.createElementNS(SVG, name), tag), props, children);
}

function make(create, tag) {
	const [name, ...classes] = tag.split('.');
	const el = create(name);
	if (classes.length) el.setAttribute('class', classes.join(' '));
	return el;
}

function fill(el, props, children) {
	for (const [key, value] of Object.entries(props ?? {})) {
		if (value === null || value === undefined || value === false) continue;
		if (key.startsWith('on')) el[key] = value;
		else if (key === 'value') continue;
		else if (key === 'checked') el.checked = value;
		else if (key === 'class') el.setAttribute('class', [el.getAttribute('class'), value].filter(Boolean).join(' '));
		else el.setAttribute(key, value === true ? '' : value);
	}
	append(el, children);
	if (props?.value !== undefined) el.value = el.given = props.value; /* a select has its options by now */
	return el;
}

function append(el, children) {
	for (const child of children) {
		if (Array.isArray(child)) append(el, child);
		else if (child === null || child === undefined || child === false) continue;
		else el.append(child instanceof Node ? child : String(child));
	}
}

const HANDLERS = ['onclick', 'onsubmit', 'onchange', 'oninput', 'onkeydown', 'ontoggle'];

const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.getAttribute('data-key') : null);
const isAlike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && keyOf(a) === keyOf(b);

/* Make `from`, which is on the page, equal to `to` with as few changes as there are: focus, selection and scrolling
 * stay where they are while figures change around them. */
export function morph(from, to) {
	if (from.nodeType === Node.TEXT_NODE) {
		if (from.data !== to.data) from.data = to.data;
		return;
	}
	morphAttributes(from, to);
	for (const name of HANDLERS) if (from[name] !== to[name]) from[name] = to[name];
	if (from.type === 'checkbox' && from.checked !== to.checked) from.checked = to.checked;
	morphChildren(from, to);
	/* What somebody is writing stays, until something else is given. */
	if (from.given !== to.given) from.value = from.given = to.given;
}

function morphAttributes(from, to) {
	for (const { name } of [...from.attributes]) {
		if (name === 'open' && from.nodeName === 'DETAILS') continue;
		if (!to.hasAttribute(name)) from.removeAttribute(name);
	}
	for (const { name, value } of to.attributes) if (from.getAttribute(name) !== value) from.setAttribute(name, value);
}

function morphChildren(from, to) {
	const keyed = new Map();
	for (const child of from.childNodes) if (keyOf(child)) keyed.set(keyOf(child), child);
	let at = from.firstChild;
	for (const wanted of [...to.childNodes]) {
		const known = keyed.get(keyOf(wanted));
		if (known && known !== at && isAlike(known, wanted)) from.insertBefore(known, at);
		const here = known && isAlike(known, wanted) ? known : at;
		if (here && isAlike(here, wanted)) {
			morph(here, wanted);
			at = here.nextSibling;
		} else {
			from.insertBefore(wanted, at);
		}
	}
	while (at) {
		const next = at.nextSibling;
		at.remove();
		at = next;
	}
}

/* Whether the person is in the middle of something that a key must not disturb. */
export const isTyping = (el) => Boolean(el?.closest?.('input:not([type=checkbox]), textarea, select, [contenteditable]'));
