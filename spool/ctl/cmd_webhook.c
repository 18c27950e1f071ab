/* spool/ctl/cmd_webhook.c: webhook test: a body signed as one of the configured sources signs, and posted. */
#include "spool/base/clock.h"
#include "spool/base/encoding.h"
#include "spool/ctl/ctl.h"
#include "spool/ctl/out.h"
#include "spool/ctl/post.h"
#include "spool/opts_webhooks.h"
#include "spool/webhook_sign.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define DEFAULT_URL "http://127.0.0.1:3001/api/v1/workflow"

enum { FILE_MAX_BYTES = 16 << 20, HEADERS_MAX = 16 << 10 };

struct parcel {
	const struct webhook_opts *source;
	struct buf body, headers;
	char id[64], timestamp[24], url[2048];
};

static int misuse(const char *text)
{
	fprintf(stderr, "clario-spool: %s\n", text);
	return DAEMON_USAGE;
}

static enum status read_file(const char *path, struct buf *out, struct why *why)
{
	bool is_stdin = strcmp(path, "-") == 0;
	FILE *in = is_stdin ? stdin : fopen(path, "re");
	char block[16 << 10];
	size_t n;
	buf_init(out, FILE_MAX_BYTES);
	if (!in)
		return why_errno(why, errno, "cannot read %s", path);
	while ((n = fread(block, 1, sizeof block, in)) > 0)
		buf_add(out, block, n);
	enum status st = ferror(in) ? why_errno(why, errno, "cannot read %s", path) : ST_OK;
	if (st == ST_OK && buf_status(out) != ST_OK)
		st = why_set(why, ST_INVALID, "%s is too large", path);
	if (!is_stdin)
		fclose(in);
	return st;
}

static void draw_id(char out[64])
{
	unsigned char bytes[12] = {0};
	struct buf hex = BUF_INIT(64);
	if (getrandom(bytes, sizeof bytes, 0) == sizeof bytes)
		hex_encode(slice_of(bytes, sizeof bytes), &hex);
	snprintf(out, 64, "msg_%.*s", SLICE_ARG(buf_slice(&hex)));
	buf_release(&hex);
}

static void add_header(struct buf *out, const char *name, struct slice value)
{
	buf_fmt(out, "%s: %.*s\r\n", name, SLICE_ARG(value));
}

static enum status sign(struct parcel *p, struct why *why)
{
	const struct webhook_opts *source = p->source;
	bool is_standard = source->signature == WEBHOOK_STANDARD;
	struct buf signature = BUF_INIT(HEADERS_MAX);
	struct webhook_delivery d = {
		.id = slice_text(p->id), .timestamp = slice_text(p->timestamp), .body = buf_slice(&p->body)};
	snprintf(p->timestamp, sizeof p->timestamp, "%lld", (long long)(clock_now().wall_us / 1000000));
	d.timestamp = slice_text(p->timestamp);
	buf_init(&p->headers, HEADERS_MAX);
	buf_text(&p->headers, "Content-Type: application/json\r\n");
	if (is_standard)
		add_header(&p->headers, "webhook-id", d.id);
	if (is_standard || *source->timestamp_header)
		add_header(&p->headers, is_standard ? "webhook-timestamp" : source->timestamp_header,
			d.timestamp);
	enum status st = webhook_sign(source, &d, &signature);
	add_header(&p->headers, is_standard ? "webhook-signature" : source->header, buf_slice(&signature));
	if (st == ST_OK)
		st = buf_status(&p->headers);
	buf_release(&signature);
	return st == ST_OK ? ST_OK : why_set(why, st, "the delivery could not be signed");
}

/* As one word of a shell. */
static void print_quoted(const char *text, size_t len)
{
	putchar('\'');
	for (size_t i = 0; i < len; i++)
		if (text[i] == '\'')
			fputs("'\\''", stdout);
		else
			putchar(text[i]);
	putchar('\'');
}

static int print_command(const struct parcel *p, const char *file)
{
	const char *line = p->headers.p;
	fputs("curl -sS", stdout);
	for (const char *end; (end = strstr(line, "\r\n")); line = end + 2) {
		fputs(" -H ", stdout);
		print_quoted(line, (size_t)(end - line));
	}
	fputs(" --data-binary @", stdout);
	print_quoted(file, strlen(file));
	putchar(' ');
	print_quoted(p->url, strlen(p->url));
	putchar('\n');
	return CTL_DONE;
}

static int send(const struct parcel *p)
{
	struct why why = WHY_INIT;
	struct post_answer answer;
	const struct post post = {
		.url = p->url, .headers = buf_slice(&p->headers), .body = buf_slice(&p->body)};
	enum status st = post_send(&post, &answer, &why);
	int code = CTL_NO;
	if (st == ST_OK) {
		fprintf(stderr, "clario-spool: HTTP %d\n", answer.status);
		out_text(answer.body);
		putchar('\n');
		code = answer.status >= 200 && answer.status <= 299 ? CTL_DONE : CTL_NO;
	} else {
		code = ctl_fail(st, &why);
	}
	buf_release(&answer.text);
	return code == DAEMON_CONFIG ? DAEMON_USAGE : code;
}

static int test(struct ctl *ctl, size_t i)
{
	struct why why = WHY_INIT;
	struct parcel p = {.source = &ctl->opts.webhooks[i]};
	enum status st = opts_read_webhook_secrets(&ctl->opts, i, &why);
	if (st != ST_OK)
		return ctl_fail(st, &why);
	if (ctl->id)
		snprintf(p.id, sizeof p.id, "%s", ctl->id);
	else
		draw_id(p.id);
	snprintf(p.url, sizeof p.url, "%s/webhooks/%s", ctl->url ? ctl->url : DEFAULT_URL, p.source->name);
	st = read_file(ctl->file, &p.body, &why);
	if (st == ST_OK)
		st = sign(&p, &why);
	int code = st != ST_OK                  ? ctl_fail(st, &why)
		   : ctl_has(ctl, OPTION_PRINT) ? print_command(&p, ctl->file)
						: send(&p);
	buf_release(&p.body);
	buf_release(&p.headers);
	return code;
}

static bool id_is_valid(const char *id)
{
	for (const char *c = id; *c; c++)
		if (*c <= ' ' || *c > '~')
			return false;
	return *id && strlen(id) < sizeof((struct parcel *)0)->id;
}

int cmd_webhook(struct ctl *ctl)
{
	const struct webhook_opts *source = opts_webhook(&ctl->opts, slice_text(ctl->args[0]));
	if (!source) {
		fprintf(stderr, "clario-spool: %s: there is no section [webhook.%s]\n", ctl->args[0],
			ctl->args[0]);
		return CTL_NO;
	}
	if (!ctl->file)
		return misuse("webhook test needs --file, the body to be sent");
	if (ctl->id && source->signature != WEBHOOK_STANDARD)
		return misuse("--id: deliveries of signature = hmac have no header for it");
	if (ctl->id && !id_is_valid(ctl->id))
		return misuse("--id: expected 1 to 63 visible ASCII characters");
	return test(ctl, (size_t)(source - ctl->opts.webhooks));
}
