/* tests/fuzz/fuzz_request.c: a whole request: lines "NAME=value" as FastCGI parameters, an empty line, the
 * body. What comes of it is an answer in JSON with a status that exists, or a submit within the bounds that
 * the spool expects. */
#include "tests/fuzz/fuzz.h"

#include "fcgi/dispatch.h"
#include "spool/base/log.h"

#include <string.h>

#define HEAD(path)                                                                                           \
	"REQUEST_METHOD=POST\nDOCUMENT_URI=/api/v1/workflow" path                                            \
	"\nREMOTE_ADDR=127.0.0.1\nCONTENT_TYPE=application/json\n"

const char *const fuzz_seeds[] = {
	HEAD("/phase/1") "\n{\"user_id\":\"u\",\"seller_id\":\"s\",\"sync_id\":\"y\"}",
	HEAD("/phase/2") "HTTP_IDEMPOTENCY_KEY=\"k-1\"\n\n{\"user_id\":\"u\",\"sync_id\":\"y\",\"orders_"
			 "count\":1250}",
	HEAD("/phase/3") "HTTP_X_PRIORITY=3\n\n{\"user_id\":\"u\",\"sync_id\":\"y\"}",
	HEAD("/phase/4") "HTTP_X_RUN_AT=2030-01-01T00:00:00Z\n\n{\"user_id\":\"u\",\"sync_id\":\"y\","
			 "\"matches\":[{\"confidence\":0.9}]}",
	HEAD("/phase/5") "HTTP_X_DELAY=5000\n\n{\"user_id\":\"u\",\"claim_id\":\"c\",\"submission_id\":"
			 "\"s\"}",
	HEAD("/phase/6") "HTTP_TRACEPARENT=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\nHTTP_"
			 "TRACESTATE=a=b\n\n"
			 "{\"user_id\":\"u\",\"claim_id\":\"c\",\"rejection_reason\":\"r\"}",
	HEAD("/phase/7") "\n{\"user_id\":\"u\",\"claim_id\":\"c\",\"amount\":\"12.50\",\"currency\":\"usd\"}",
	HEAD("/phase/7") "\n{\"user_id\":\"u\",\"claim_id\":\"c\",\"amount\":1e2}",
	HEAD("/step/10") "\n{\"user_id\":\"u\",\"sync_id\":\"\\u00fc\\ud83d\\ude00\"}",
	HEAD("/step/14") "HTTP_X_CLARIO_SOURCE=detector\n\n{\"user_id\":7,\"sync_id\":8}",
	"REQUEST_METHOD=GET\nDOCUMENT_URI=/api/v1/workflow/"
	"jobs\nQUERY_STRING=limit=5&state=waiting\nREMOTE_ADDR=::1\n\n",
	HEAD("/phase/2") "HTTP_AUTHORIZATION=Bearer "
			 "clw_0123456789ab\n\n{\"user_id\":\"u\",\"sync_id\":\"y\"}",
	"REQUEST_METHOD=OPTIONS\nDOCUMENT_URI=/api/v1/workflow/phase/1\nREMOTE_ADDR=10.0.0.1\n"
	"HTTP_X_FORWARDED_FOR=127.0.0.1, 10.1.1.1\n\n",
	HEAD("/phase/2") "HTTP_HOST=[::1]:8080\nHTTP_ORIGIN=http://"
			 "[::1]:8080\nHTTP_SEC_FETCH_SITE=same-origin\n\n"
			 "{\"user_id\":\"u\",\"sync_id\":\"y\"}",
	"REQUEST_METHOD=OPTIONS\nDOCUMENT_URI=/api/v1/workflow/phase/"
	"1\nREMOTE_ADDR=10.0.0.1\nHTTP_HOST=a.example\n"
	"HTTP_ORIGIN=https://app.example.com\nHTTP_ACCESS_CONTROL_REQUEST_METHOD=POST\n\n",
	NULL,
};

static struct opts opts;
static struct app app = {.opts = &opts, .large_parse = PTHREAD_MUTEX_INITIALIZER};

static void begin(void)
{
	static int is_ready;
	struct why why;
	if (is_ready++)
		return;
	log_open("fuzz", LOG_LEVEL_ERR);
	jx_init();
	budget_init(&app.counts, 1);
	must(opts_load(NULL, &opts, &why) == ST_OK);
	must(conf_set(opts_rows, opts_rows_n, &opts, "http", "cors-origins", "https://app.example.com",
		     &why) == ST_OK);
}

static void check_reply(const struct reply *reply)
{
	json_t *json = NULL;
	struct why why;
	struct buf head = BUF_INIT(1 << 20);
	must(reply->http_status >= 200 && reply->http_status <= 503);
	reply_head_text(reply, &head);
	must(buf_status(&head) == ST_OK);
	must(memmem(head.p, head.len, "\r\n\r\n", 4) ==
		head.p + head.len - 4); /* nothing a caller sent ends the head */
	buf_release(&head);
	if (reply->http_status == 204)
		return;
	must(jx_parse(reply_body(reply), 16, &json, &why) == ST_OK);
	must(json_is_false(json_object_get(json, "success")));
	json_decref(json);
}

static void check_submit(const struct submit *submit)
{
	const struct trigger *t = submit->triggers;
	must(submit->n == 1 && phase_slot(t->phase) >= 0);
	must(t->workflow_id.len > 0 && t->workflow_id.len <= JOB_TEXT_MAX);
	must(t->user_id.len > 0 && t->user_id.len <= JOB_TEXT_MAX);
	must(t->attempts_allowed > 0 && t->give_up_after_us > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct request request = {.now = {.wall_us = INT64_C(1790000000000000)}};
	static struct intake intake;
	struct reply reply;
	begin();
	char *text = malloc(size + 1);
	memcpy(text, data, size);
	text[size] = '\0';
	char *at = text, *end = text + size;
	while (at < end && *at != '\n') {
		char *stop = memchr(at, '\n', (size_t)(end - at));
		if (!stop)
			stop = end;
		*stop = '\0';
		request_take(&request, at, &request.body_fault);
		at = stop < end ? stop + 1 : end;
	}
	at += at < end;
	request.body = slice_of(at, (size_t)(end - at));
	reply_init(&reply);
	switch (dispatch_begin(&app, &request, &intake, &reply)) {
	case DISPATCH_ANSWERED:
		check_reply(&reply);
		break;
	case DISPATCH_SUBMIT:
		check_submit(&intake.submit);
		break;
	case DISPATCH_MAY_BLOCK:
		break;
	}
	reply_release(&reply);
	free(text);
	return 0;
}
