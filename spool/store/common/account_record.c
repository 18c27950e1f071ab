/* spool/store/common/account_record.c: see codec.h. */
#include "spool/store/common/codec.h"

#define SUM_MAX (UINT64_C(1) << 62)

void account_encode(const struct account *account, struct buf *out)
{
	record_begin(out);
	write_varint(out, account->jobs);
	write_varint(out, account->bytes);
	write_text(out, slice_text(account->name));
	record_end(out);
}

enum status account_decode(struct slice record, struct account *out)
{
	struct slice body;
	*out = (struct account){0};
	enum status st = record_open(record, &body);
	if (st != ST_OK)
		return st;
	struct reader r = {(const uint8_t *)body.p, (const uint8_t *)body.p + body.len, false};
	out->jobs = read_varint(&r);
	out->bytes = read_varint(&r);
	struct slice name = read_text(&r);
	if (r.bad || name.len > JOB_TEXT_MAX || out->jobs > SUM_MAX || out->bytes > SUM_MAX) {
		*out = (struct account){0};
		return ST_CORRUPT;
	}
	account_set_name(out, name);
	return ST_OK;
}
