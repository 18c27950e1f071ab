/* spool/opts_secrets.c: see opts_secrets.h. Nothing here prints or tells a secret. */
#include "spool/opts_secrets.h"

#include "spool/opts_webhooks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROW_LEN = CONF_NAME_MAX + 32 };

/* One secret and the rows that may give it. */
struct place {
	char row[ROW_LEN]; /* "call.fee.secret"; the one of the file ends in -file */
	char **value;
	const char *file;
	bool is_inherited;
};

enum { PLACES_OF_RECEIVER = 2 };

static struct place place_of_webhook(const struct webhook_opts *w)
{
	struct place p = {.value = (char **)&w->secret, .file = w->secret_file};
	snprintf(p.row, sizeof p.row, "webhook.%s.secret", w->name);
	return p;
}

/* The i-th of the secrets that calls are made with; false: there are no more. */
static bool place_at(const struct opts *o, size_t i, struct place *out)
{
	if (i >= PLACES_OF_RECEIVER + o->calls_n)
		return false;
	if (i == 0) {
		*out = (struct place){"receiver.python-jwt-secret", (char **)&o->receiver.python_jwt_secret,
			o->receiver.python_jwt_secret_file, o->receiver.jwt_secret_is_inherited};
	} else if (i == 1) {
		*out = (struct place){"receiver.internal-api-key", (char **)&o->receiver.internal_api_key,
			o->receiver.internal_api_key_file, o->receiver.api_key_is_inherited};
	} else {
		const struct call_opts *call = &o->call[i - PLACES_OF_RECEIVER];
		*out = (struct place){.value = (char **)&call->secret, .file = call->secret_file};
		snprintf(out->row, sizeof out->row, "call.%s.secret", call->name);
	}
	return true;
}

enum status opts_check_secret_rows(const struct opts *o, struct why *why)
{
	struct place p;
	for (size_t i = 0; place_at(o, i, &p); i++)
		if (**p.value && *p.file)
			return why_set(
				why, ST_INVALID, "%s and %s-file are both given; keep one", p.row, p.row);
	for (size_t i = 0; i < o->webhooks_n; i++)
		if (*o->webhooks[i].secret && *o->webhooks[i].secret_file)
			return why_set(why, ST_INVALID,
				"webhook.%s.secret and webhook.%s.secret-file are both given; keep one",
				o->webhooks[i].name, o->webhooks[i].name);
	return ST_OK;
}

/* As http.c will take it, and without blanks that a receiver would drop. */
static bool fits_header(const char *value)
{
	size_t len = strlen(value);
	for (size_t i = 0; i < len; i++)
		if (value[i] < ' ' || value[i] > '~')
			return false;
	return len <= SECRET_MAX && (len == 0 || (value[0] != ' ' && value[len - 1] != ' '));
}

static enum status check_header_value(const char *row, const char *value, struct why *why)
{
	if (fits_header(value))
		return ST_OK;
	return why_set(why, ST_INVALID,
		"%s is sent in a header, which takes %d printable ASCII characters at most, no blank first "
		"or last",
		row, SECRET_MAX);
}

enum status opts_check_secret_values(const struct opts *o, struct why *why)
{
	enum status st = check_header_value("receiver.internal-api-key", o->receiver.internal_api_key, why);
	for (size_t i = 0; st == ST_OK && i < o->calls_n; i++) {
		const struct call_opts *call = &o->call[i];
		char row[ROW_LEN];
		snprintf(row, sizeof row, "call.%s.secret", call->name);
		if (call->auth == AUTH_API_KEY || call->auth == AUTH_HEADER)
			st = check_header_value(row, call->secret, why);
	}
	return st;
}

static enum status find_file(const struct place *p, char *path, size_t cap, struct why *why)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	int len;
	if (p->file[0] == '/')
		len = snprintf(path, cap, "%s", p->file);
	else if (dir && *dir)
		len = snprintf(path, cap, "%s/%s", dir, p->file);
	else
		return why_set(why, ST_INVALID,
			"%s-file = %s: a relative path is looked up in $CREDENTIALS_DIRECTORY, which is not "
			"set",
			p->row, p->file);
	if ((size_t)len >= cap)
		return why_set(why, ST_INVALID, "%s-file: the path is too long", p->row);
	return ST_OK;
}

/* The file's bytes into secret, NUL-terminated; one trailing newline is dropped. */
static enum status read_bytes(int fd, char secret[SECRET_MAX + 3], const char **fault)
{
	size_t len = 0;
	ssize_t got = 0;
	struct stat sb;
	if (fstat(fd, &sb) != 0 || !S_ISREG(sb.st_mode)) {
		*fault = "is no regular file";
		return ST_INVALID;
	}
	while (len < SECRET_MAX + 2 && (got = read(fd, secret + len, SECRET_MAX + 2 - len)) > 0)
		len += (size_t)got;
	if (got < 0)
		return ST_IO;
	if (len > 0 && secret[len - 1] == '\n')
		len--;
	if (len > 0 && secret[len - 1] == '\r')
		len--;
	secret[len] = '\0';
	*fault = len == 0                ? "is empty"
		 : len > SECRET_MAX      ? "is too long for a secret"
		 : strlen(secret) != len ? "has a NUL byte in it"
					 : NULL;
	return *fault ? ST_INVALID : ST_OK;
}

static enum status keep(const struct place *p, const char *secret, struct why *why)
{
	char *copy = strdup(secret);
	if (!copy)
		return why_set(why, ST_NOMEM, "out of memory");
	if (*p->value)
		explicit_bzero(*p->value, strlen(*p->value));
	free(*p->value);
	*p->value = copy;
	return ST_OK;
}

static enum status read_secret(const struct place *p, struct why *why)
{
	char path[512], secret[SECRET_MAX + 3];
	const char *fault = NULL;
	enum status st = find_file(p, path, sizeof path, why);
	if (st != ST_OK)
		return st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return why_errno(why, errno, "%s-file: cannot read %s", p->row, path);
	st = read_bytes(fd, secret, &fault);
	if (st == ST_OK)
		st = keep(p, secret, why);
	else if (fault)
		why_set(why, st, "%s-file: %s %s", p->row, path, fault);
	else
		why_errno(why, errno, "%s-file: cannot read %s", p->row, path);
	explicit_bzero(secret, sizeof secret);
	close(fd);
	return st;
}

enum status opts_read_secrets(struct opts *o, struct why *why)
{
	struct place p;
	enum status st = ST_OK;
	for (size_t i = 0; st == ST_OK && place_at(o, i, &p); i++)
		if (*p.file && !p.is_inherited)
			st = read_secret(&p, why);
	return st == ST_OK ? opts_check_secret_values(o, why) : st;
}

enum status opts_read_webhook_secrets(struct opts *o, size_t webhook, struct why *why)
{
	struct webhook_opts *w = &o->webhooks[webhook];
	struct place p = place_of_webhook(w);
	enum status st = *p.file ? read_secret(&p, why) : ST_OK;
	return st == ST_OK ? opts_check_webhook_secrets(w, why) : st;
}

/* What gave a secret, if anything did. */
static const char *source(
	bool is_inherited, const char *value, const char *file, const char *value_row, const char *file_row)
{
	return is_inherited ? "environment" : *file ? file_row : *value ? value_row : NULL;
}

const char *opts_call_secret(const struct opts *o, const struct call_opts *call, const char **from)
{
	const char *name = NULL, *value = "";
	if (*call->secret || *call->secret_file) {
		value = call->secret;
		name = source(false, value, call->secret_file, "its secret", "its secret-file");
	} else if (call->auth == AUTH_JWT) {
		value = o->receiver.python_jwt_secret;
		name = source(o->receiver.jwt_secret_is_inherited, value, o->receiver.python_jwt_secret_file,
			"receiver.python-jwt-secret", "receiver.python-jwt-secret-file");
	} else if (call->auth == AUTH_API_KEY) {
		value = o->receiver.internal_api_key;
		name = source(o->receiver.api_key_is_inherited, value, o->receiver.internal_api_key_file,
			"receiver.internal-api-key", "receiver.internal-api-key-file");
	}
	if (from)
		*from = name;
	return value;
}

void opts_scrub(const struct opts *o, struct slice text, struct buf *out)
{
	struct slice known[PLACES_OF_RECEIVER + CALLS_MAX];
	struct place p;
	size_t n = 0;
	for (; place_at(o, n, &p); n++)
		known[n] = slice_text(*p.value);
	struct buf without = BUF_INIT(out->max);
	mask_known(known, n, text, &without);
	if (without.fail == ST_NOMEM)
		buf_text(out, "***");
	else
		mask_text(o->privacy.mask, buf_slice(&without), out);
	buf_wipe(&without);
}

void opts_wipe_environment(void)
{
	static const char *const variables[] = {"PYTHON_API_JWT_SECRET", "INTERNAL_API_KEY"};
	for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
		char *value = getenv(variables[i]);
		if (value)
			explicit_bzero(value, strlen(value));
	}
}
