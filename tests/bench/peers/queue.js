// queue.js: Bull and BullMQ behind one small interface, with the options that the replaced orchestrator used.
import Bull from 'bull';
import { Queue, Worker } from 'bullmq';

const NAME = 'orchestration';
const JOB = 'orchestrate';
const KEEP = { removeOnComplete: 100, removeOnFail: 50 };
const RETRY = { attempts: 3, backoff: { type: 'exponential', delay: 2000 } };

export function jobOptions(phase, body) {
	return { ...RETRY, ...KEEP, jobId: `orchestrate_${body.user_id}_${phase}_${body.sync_id}` };
}

function openBull(port) {
	const queue = new Bull(NAME, { redis: { host: '127.0.0.1', port } });
	return {
		add: (data, options) => queue.add(JOB, data, options),
		addMany: (list) => queue.addBulk(list.map(({ data, options }) => ({ name: JOB, data, opts: options }))),
		work: (concurrency, handle) => queue.process(JOB, concurrency, (job) => handle(job.data)),
		onFailed: (tell) => queue.on('failed', tell),
		close: () => queue.close(),
	};
}

function openBullMQ(port) {
	const connection = { host: '127.0.0.1', port, maxRetriesPerRequest: null };
	const queue = new Queue(NAME, { connection });
	let worker;
	let failed = () => {};
	return {
		add: (data, options) => queue.add(JOB, data, options),
		addMany: (list) => queue.addBulk(list.map(({ data, options }) => ({ name: JOB, data, opts: options }))),
		work: (concurrency, handle) => {
			worker = new Worker(NAME, (job) => handle(job.data), { connection, concurrency });
			worker.on('failed', (job, error) => failed(job, error));
		},
		onFailed: (tell) => {
			failed = tell;
		},
		close: async () => {
			await worker?.close();
			await queue.close();
		},
	};
}

export function openQueue(kind, redisPort) {
	const open = { bull: openBull, bullmq: openBullMQ }[kind];
	if (!open) throw new Error(`no such queue: ${kind}`);
	return open(redisPort);
}
