/* tests/fuzz/fuzz_dump.c: an export: each line is taken or refused with words, and what is taken comes out of
 * a writer as something that reads as the same. */
#include "tests/fuzz/fuzz.h"

#include "spool/dump/dump.h"

#include <string.h>

#define SPOOL "{\"spool\":{\"format\":1,\"next_seq\":9,\"recent_ms\":[1,2,3,4,5,6,7,8,9,10,11]}}\n"

const char *const fuzz_seeds[] = {
	SPOOL "{\"end\":{\"items\":1}}\n",
	SPOOL
	"{\"job\":{\"id\":\"01990304-0506-7008-800a-0b0c0d0e0f10\",\"phase\":2,\"state\":\"active\","
	"\"priority\":5,\"workflow_id\":\"w\",\"ordered\":true,\"lease_token\":1,\"lease_owner\":\"h:1\","
	"\"lease_boot_id\":\"0123456789abcdef\",\"error\":{\"hex\":\"00ff\"},\"payload\":\"{}\"}}\n",
	SPOOL "{\"event\":{\"seq\":5,\"prev\":4,\"at_us\":-1,\"kind\":\"retry\",\"from\":\"active\","
	      "\"to\":\"delayed\",\"http_status\":503,\"wait_ms\":-3,\"data\":\"{\\\"a\\\":1}\"}}\n",
	SPOOL
	"{\"bookmark\":{\"name\":\"relay\",\"value\":7}}\n{\"aside\":{\"key\":\"6a00\",\"bytes\":\"01\"}}\n",
	SPOOL "{\"receiver\":{\"name\":\"shop\",\"breaker\":\"open\",\"is_paused\":true,\"paused_by\":\"o\","
	      "\"now_ok\":3,\"before_failed\":4294967295,\"probe\":5,\"open_until_us\":9}}\n",
	NULL,
};

static void text_of(const struct item *item, char **text, size_t *len)
{
	struct dump_writer writer = {.to = open_memstream(text, len)};
	must(writer.to && dump_write(&writer, item, NULL) == ST_OK);
	dump_writer_release(&writer);
	fclose(writer.to);
}

/* The first line must be the spool's: it is put before any other. */
static void check_again(const struct item *item)
{
	char *text, *again;
	size_t len, again_len;
	struct item copy;
	struct why why = WHY_INIT;
	if (item->kind == ITEM_TOTALS || item->kind == ITEM_END)
		return;
	text_of(item, &text, &len);
	struct dump_reader reader = {.from = fmemopen(text, len, "r"), .lines = 1};
	must(reader.from && dump_read(&reader, &copy, &why) == ST_OK && copy.kind == item->kind);
	text_of(&copy, &again, &again_len);
	must(len == again_len && memcmp(text, again, len) == 0);
	dump_reader_release(&reader);
	fclose(reader.from);
	free(again);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct item item = {.kind = ITEM_TOTALS};
	struct why why = WHY_INIT;
	enum status st;
	if (size == 0)
		return 0;
	struct dump_reader reader = {.from = fmemopen((void *)(uintptr_t)data, size, "r")};
	must(reader.from);
	while ((st = dump_read(&reader, &item, &why)) == ST_OK && item.kind != ITEM_END)
		check_again(&item);
	must(st == ST_OK || why.text[0]);
	dump_reader_release(&reader);
	fclose(reader.from);
	return 0;
}
