// worker.js KIND REDIS_PORT SINK_URL CONCURRENCY WARM_MS JOBS: drain the queue, each job one POST to the sink. After
// WARM_MS the next JOBS jobs are timed; one line of JSON tells how it went. A job that failed makes it void.
import http from 'node:http';
import { openQueue } from './queue.js';

const [kind, redisPort, sink, concurrency, warmMs, jobs] = process.argv.slice(2);
const queue = openQueue(kind, Number(redisPort));
const agent = new http.Agent({ keepAlive: true, maxSockets: Number(concurrency) });
let done = 0;
let failed = 0;

function post(data) {
	const body = JSON.stringify(data.metadata);
	const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
	return new Promise((resolve, reject) => {
		const request = http.request(sink, { method: 'POST', agent, headers, timeout: 30000 }, (response) => {
			response.resume();
			response.on('end', () =>
				response.statusCode === 200 ? resolve() : reject(new Error(`status ${response.statusCode}`)));
		});
		request.on('error', reject);
		request.end(body);
	});
}

queue.onFailed(() => {
	failed += 1;
});
queue.work(Number(concurrency), async (data) => {
	await post(data);
	done += 1;
});

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
await pause(Number(warmMs));
const first = done;
const began = process.hrtime.bigint();
let before = -1;
while (done - first < Number(jobs) && done !== before) {
	before = done;
	await pause(500);
}
const seconds = Number(process.hrtime.bigint() - began) / 1e9;
console.log(JSON.stringify({ jobs: done - first, seconds, errors: failed + (done - first < Number(jobs) ? 1 : 0) }));
process.exit(0);
