-- tests/bench/submit.lua TAG [TOKEN]: wrk posts triggers of about 200 bytes, each of a workflow of its own, and says in
-- one line of JSON how it went. TAG keeps the triggers of two runs apart.
local threads = 0

function setup(thread)
	threads = threads + 1
	thread:set("number", threads)
end

local path = "/api/v1/workflow/phase/2"
local headers = { ["Content-Type"] = "application/json" }
local body = '{"user_id":"bench-user-%s-%d-%d","sync_id":"bench-sync-%s-%d-%d","orders_count":1250,'
	.. '"inventory_items":340,"marketplace":"ATVPDKIKX0DER","note":"about two hundred bytes in all"}'
local sent = 0
local tag

function init(args)
	tag = args[1]
	if args[2] and args[2] ~= "" then
		headers["Authorization"] = "Bearer " .. args[2]
	end
end

function request()
	sent = sent + 1
	return wrk.format("POST", path, headers, string.format(body, tag, number, sent, tag, number, sent))
end

function done(summary, latency, requests)
	local e = summary.errors
	io.write(string.format('{"requests":%d,"seconds":%.3f,"errors":%d,"p50_ms":%.3f,"p99_ms":%.3f}\n',
		summary.requests, summary.duration / 1e6, e.connect + e.read + e.write + e.status + e.timeout,
		latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
