// web.js KIND PORT REDIS_PORT: the intake of the peers: Express takes a trigger, the queue stores it, then 200.
import express from 'express';
import { jobOptions, openQueue } from './queue.js';

const [kind, port, redisPort] = process.argv.slice(2);
const queue = openQueue(kind, Number(redisPort));
const app = express();

app.use(express.json({ limit: '10mb' }));
app.post('/api/v1/workflow/phase/:phase', async (request, response) => {
	const phase = Number(request.params.phase);
	const body = request.body;
	if (!(phase >= 1 && phase <= 7) || !body?.user_id || !body?.sync_id) {
		response.status(400).json({ success: false, message: 'user_id and sync_id are required' });
		return;
	}
	try {
		await queue.add({ userId: body.user_id, syncId: body.sync_id, step: phase, metadata: body }, jobOptions(phase, body));
		response.json({ success: true, message: `Phase ${phase} orchestration triggered`, phase });
	} catch (error) {
		response.status(500).json({ success: false, message: error.message });
	}
});

app.listen(Number(port), '127.0.0.1', 1024, () => console.log(`listening on ${port}`));
