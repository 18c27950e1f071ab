// fill.js KIND REDIS_PORT N: queue N triggers, in bulk.
import { jobOptions, openQueue } from './queue.js';

const [kind, redisPort, n] = process.argv.slice(2);
const queue = openQueue(kind, Number(redisPort));
const BULK = 500;

function trigger(i) {
	const body = {
		user_id: `bench-user-fill-${i}`,
		sync_id: `bench-sync-fill-${i}`,
		orders_count: 1250,
		inventory_items: 340,
		marketplace: 'ATVPDKIKX0DER',
		note: 'about two hundred bytes in all',
	};
	return { data: { userId: body.user_id, syncId: body.sync_id, step: 2, metadata: body }, options: jobOptions(2, body) };
}

for (let at = 0; at < Number(n); at += BULK) {
	const size = Math.min(BULK, Number(n) - at);
	await queue.addMany(Array.from({ length: size }, (_, i) => trigger(at + i)));
}
await queue.close();
