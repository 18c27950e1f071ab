/* tests/fuzz/fuzz_record.c: the spool's records. The first byte says which kind; the rest are its fields,
 * under a checksum that is made to fit, so that damage gets past it. What can be decoded is encoded to
 * something that decodes to the same. */
#include "tests/fuzz/fuzz.h"

#include "spool/store/common/head.h"
#include "spool/store/common/record.h"
#include "spool/store/lmdb/account_io.h"
#include "spool/store/lmdb/receiver_io.h"

#include <string.h>

const char *const fuzz_seeds[] = {
	"t\x05\x10\x0f\x80\x80\x01\x01\x02\x03\x00\x04user\x03src\x02tp{\"user_id\":\"u\",\"sync_id\":\"s\"}",
	"t\x01\x10\x0f\x80\x80\x01\x00\x02wf\x00\x01u{}",
	"tttttt\x08\xa4\xd3", /* refers to no bytes of no payload */
	"j\x02\x01\x03\x00\x05\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x01\x01\x0f\x02\x04",
	"j\x07\x04\x01\x7f\x05hashhash\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f",
	"e\x01\x3f\x02\x01\x03\x10\x01"
	"0123456789abcdef\x02\x20\x02\x02\x02\x03"
	"act\x02"
	"re\x01n\x01r\x01"
	"d",
	"r\x02\x01\x05\x03"
	"ann\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10",
	"h\x01\x02\x03\x04\x05\x06\x07\x08",
	NULL,
};

static void check_trigger(struct slice record)
{
	struct job job = {.id = {{1}}}, again = {.id = {{1}}};
	struct buf out = BUF_INIT(1 << 20);
	if (record_decode_trigger(record, true, &job) != ST_OK)
		return;
	record_encode_trigger(&job, &out);
	must(buf_status(&out) == ST_OK && record_decode_trigger(buf_slice(&out), true, &again) == ST_OK);
	must(slice_eq(job.workflow_id, again.workflow_id) && slice_eq(job.user_id, again.user_id));
	must(slice_eq(job.payload, again.payload) && slice_eq(job.source, again.source));
	buf_release(&out);
}

static void check_job(struct slice record)
{
	struct job job = {.id = {{1}}}, again = {.id = {{1}}};
	struct job_hashes hashes, hashes_again;
	struct buf out = BUF_INIT(1 << 20);
	record_peek_user(record);
	if (record_decode_job(record, &job, &hashes) != ST_OK)
		return;
	record_encode_job(&job, &hashes, &out);
	must(buf_status(&out) == ST_OK);
	must(record_decode_job(buf_slice(&out), &again, &hashes_again) == ST_OK);
	must(job.state == again.state && job.phase == again.phase && job.lease.token == again.lease.token);
	must(slice_eq(job.outcome, again.outcome) && hashes.user == hashes_again.user);
	must(job.is_charged == record_peek_charged(record) && hashes.account == hashes_again.account);
	buf_release(&out);
}

static void check_account(struct slice record)
{
	struct account account, again;
	struct buf out = BUF_INIT(1 << 20);
	if (account_decode(record, &account) != ST_OK)
		return;
	account_encode(&account, &out);
	must(buf_status(&out) == ST_OK && account_decode(buf_slice(&out), &again) == ST_OK);
	must(account.jobs == again.jobs && account.bytes == again.bytes);
	buf_release(&out);
}

static void check_event(struct slice record)
{
	struct event event = {.seq = 1000}, again = {.seq = 1000};
	struct buf out = BUF_INIT(1 << 20);
	if (record_decode_event(record, &event) != ST_OK)
		return;
	record_encode_event(&event, &out);
	must(buf_status(&out) == ST_OK && record_decode_event(buf_slice(&out), &again) == ST_OK);
	must(event.kind == again.kind && slice_eq(event.reason, again.reason));
	buf_release(&out);
}

/* What can be decoded can also be reported on, whatever it holds. */
static void check_receiver(struct slice record)
{
	static const struct breaker_policy policy = {.window_us = 10,
		.failed_percent = 1,
		.open_us = 1,
		.open_max_us = INT64_MAX / 8,
		.probe_us = 5,
		.in_flight = 3};
	struct slice name = slice_text("shop");
	struct receiver_state receiver, again;
	struct receiver_change change;
	struct receiver_report report = {
		.name = "shop", .policy = &policy, .ok = 1, .failed = UINT32_MAX, .wants_probe = true};
	struct buf out = BUF_INIT(1 << 20);
	if (receiver_decode(name, record, &receiver) != ST_OK)
		return;
	receiver_encode(&receiver, &out);
	must(buf_status(&out) == ST_OK && receiver_decode(name, buf_slice(&out), &again) == ST_OK);
	must(receiver.breaker == again.breaker && receiver.calls_total == again.calls_total);
	must(strcmp(receiver.paused_by, again.paused_by) == 0);
	receiver_window(&receiver, 1000);
	receiver_take(&receiver, &report, 1000, &change);
	buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf record = BUF_INIT(1 << 20);
	struct head head;
	uint64_t number;
	struct job_id id;
	if (size == 0)
		return 0;
	record_begin(&record);
	buf_add(&record, data + 1, size - 1);
	record_end(&record);
	struct slice bytes = buf_slice(&record);
	switch (data[0]) {
	case 't':
		check_trigger(bytes);
		break;
	case 'j':
		check_job(bytes);
		break;
	case 'e':
		check_event(bytes);
		break;
	case 'a':
		check_account(bytes);
		break;
	case 'r':
		check_receiver(bytes);
		break;
	default:
		(void)!head_decode(bytes, &head);
		(void)!record_decode_id(bytes, &id);
		(void)!record_decode_number(bytes, &number);
		break;
	}
	buf_release(&record);
	return 0;
}
