/* spool/failures.c: see failures.h. */
#include "spool/failures.h"

#include "spool/base/clock.h"
#include "spool/base/hash.h"
#include "spool/spool.h"

#include <stdio.h>
#include <stdlib.h>

#define HOLE "\xe2\x80\xa6" /* … */

enum {
	PAGE = 100,
	SLOTS = 2048, /* of the table while it is filled: a power of two, more than there are groups */
	MASK_GROWTH = 4,
	NUMBER_MIN = 4, /* digits of a number that tells one job from another; a status has 3 */
	HEX_MIN = 8,
	UUID_LEN = 36,
	PART_MIN = 3,  /* bytes that are worth selecting by */
	PARTS_MAX = 8, /* terms of one selection */
};

/* --- what kind of error --- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_word(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_uuid(struct slice text)
{
	if (text.len < UUID_LEN || (text.len > UUID_LEN && is_word(text.p[UUID_LEN])))
		return false;
	for (size_t i = 0; i < UUID_LEN; i++) {
		bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (is_dash ? text.p[i] != '-' : !is_hex(text.p[i]))
			return false;
	}
	return true;
}

/* A word of letters and digits that stands for this one job: a long number, one of milliseconds, or what
 * looks like a random one. */
static bool is_own_word(struct slice word, struct slice behind)
{
	size_t digits = 0, hex = 0;
	for (size_t i = 0; i < word.len; i++) {
		digits += is_digit(word.p[i]);
		hex += is_hex(word.p[i]);
	}
	if (digits == word.len)
		return digits >= NUMBER_MIN || (behind.len >= 3 && memcmp(behind.p, " ms", 3) == 0);
	if (digits > 0 && digits + 2 == word.len && memcmp(word.p + digits, "ms", 2) == 0)
		return true;
	return hex == word.len && word.len >= HEX_MIN && digits > 0;
}

static void add_hole(struct buf *out)
{
	size_t len = sizeof HOLE - 1;
	if (out->len < len || memcmp(out->p + out->len - len, HOLE, len) != 0)
		buf_text(out, HOLE);
}

/* Takes the longest piece off the text that is one hole, or one that is none. */
static struct slice take_piece(struct slice *text, bool is_text, bool *is_hole)
{
	struct slice all = *text;
	size_t len = 1;
	char c = all.p[0];
	if (is_uuid(all)) {
		len = UUID_LEN;
		*is_hole = true;
	} else if (is_word(c)) {
		while (len < all.len && is_word(all.p[len]))
			len++;
		*is_hole = is_own_word(slice_of(all.p, len), slice_of(all.p + len, all.len - len));
	} else if (c == '*' && all.len >= 3 && memcmp(all.p, "***", 3) == 0) {
		len = 3;
		*is_hole = true;
	} else {
		bool is_control = (unsigned char)c < 0x20 && c != '\n' && c != '\r' && c != '\t';
		*is_hole = is_control || c == 0x7f || (!is_text && (unsigned char)c >= 0x80);
	}
	*text = slice_of(all.p + len, all.len - len);
	return slice_of(all.p, len);
}

/* At most FAILURE_ERROR_MAX bytes, of whole characters. */
static void cut(struct buf *kind)
{
	size_t len = FAILURE_ERROR_MAX - (sizeof HOLE - 1);
	if (kind->len <= FAILURE_ERROR_MAX)
		return;
	while (len > 0 && ((unsigned char)kind->p[len] & 0xc0) == 0x80)
		len--;
	kind->len = len;
	add_hole(kind);
}

static void add_kind(const struct mask *mask, struct slice error, struct buf *out)
{
	struct buf shown = BUF_INIT(MASK_GROWTH * (JOB_ERROR_MAX + 1));
	mask_member(mask, "error", error, &shown);
	struct slice rest = buf_slice(&shown);
	bool is_text = jx_is_text(rest), is_hole = false;
	while (rest.len) {
		struct slice piece = take_piece(&rest, is_text, &is_hole);
		if (is_hole)
			add_hole(out);
		else
			buf_add_slice(out, piece);
	}
	if (buf_status(&shown) != ST_OK)
		out->fail = buf_status(&shown);
	buf_release(&shown);
	if (buf_status(out) == ST_OK && out->len)
		cut(out);
}

/* "call NAME: ..." is how the worker begins what a call has failed by. */
static int call_of(const struct opts *opts, const char *error)
{
	static const char before[] = "call ";
	const char *name = error + sizeof before - 1, *end;
	if (strncmp(error, before, sizeof before - 1) != 0 || !(end = strstr(name, ": ")))
		return -1;
	for (size_t i = 0; i < opts->calls_n; i++)
		if (slice_is(slice_of(name, (size_t)(end - name)), opts->call[i].name))
			return (int)i;
	return -1;
}

/* ": answered 503" */
static int status_of(const char *error)
{
	static const char before[] = ": answered ";
	const char *at = strstr(error, before);
	if (!at)
		return 0;
	at += sizeof before - 1;
	bool is_status = is_digit(at[0]) && is_digit(at[1]) && is_digit(at[2]) && !is_word(at[3]);
	return is_status ? (at[0] - '0') * 100 + (at[1] - '0') * 10 + at[2] - '0' : 0;
}

/* --- counting --- */

/* While it is being filled it is a table of open addressing: a free slot has no error. */
static struct failure_group *find(struct failures *f, int phase, struct slice error)
{
	size_t i = hash_text((uint64_t)phase, error) & (SLOTS - 1);
	while (f->groups[i].error && (f->groups[i].phase != phase || !slice_is(error, f->groups[i].error)))
		i = (i + 1) & (SLOTS - 1);
	return &f->groups[i];
}

static bool begin_group(struct failures *f, const struct failures_ask *ask, struct failure_group *g,
	int phase, struct slice error)
{
	char *copy = strndup(error.len ? error.p : "", error.len);
	if (!copy)
		return false;
	*g = (struct failure_group){
		.phase = phase, .call = call_of(ask->opts, copy), .status = status_of(copy), .error = copy};
	f->n++;
	return true;
}

static void add(struct failure_group *g, const struct job *job)
{
	if (g->jobs++ == 0 || job->finished_at_us > g->last_at_us) {
		g->last_at_us = job->finished_at_us;
		g->newest = job->id;
	}
	if (g->jobs == 1 || job->finished_at_us < g->first_at_us)
		g->first_at_us = job->finished_at_us;
}

static bool count(struct failures *f, const struct failures_ask *ask, const struct job *job)
{
	struct buf kind = BUF_INIT(MASK_GROWTH * MASK_GROWTH * (JOB_ERROR_MAX + 1));
	add_kind(ask->mask, job->error, &kind);
	bool ok = buf_status(&kind) == ST_OK;
	struct failure_group *g = ok ? find(f, job->phase, buf_slice(&kind)) : NULL;
	if (ok && !g->error && f->n < FAILURES_GROUPS_MAX)
		ok = begin_group(f, ask, g, job->phase, buf_slice(&kind));
	buf_release(&kind);
	if (!ok)
		return false;
	f->jobs++;
	if (g->error)
		add(g, job);
	else
		f->outside++;
	return true;
}

static bool is_over(const struct failures *f, const struct failures_ask *ask)
{
	return f->jobs >= ask->most || (ask->scanned && *ask->scanned >= ask->most) ||
	       (ask->until_mono_us && clock_mono_us() >= ask->until_mono_us);
}

static enum status walk(
	struct spool *sp, const struct failures_ask *ask, struct failures *out, struct why *why)
{
	struct job jobs[PAGE];
	struct job_filter filter = ask->filter;
	struct cursor at = {""}, next;
	bool ok = true;
	filter.has_state = true;
	filter.state = JOB_FAILED;
	filter.oldest_first = false;
	do {
		size_t n, left = ask->most - (size_t)out->jobs;
		enum status st =
			spool_list(sp, &filter, &at, left < PAGE ? left : PAGE, false, jobs, &n, &next, why);
		if (st != ST_OK)
			return st;
		for (size_t i = 0; i < n; i++) {
			ok = ok && count(out, ask, &jobs[i]);
			job_release(&jobs[i]);
		}
		at = next;
	} while (ok && at.text[0] && !is_over(out, ask));
	out->is_cut = at.text[0] != '\0';
	return ok ? ST_OK : why_set(why, ST_NOMEM, "out of memory");
}

static int by_jobs(const void *a, const void *b)
{
	const struct failure_group *x = a, *y = b;
	if (x->jobs != y->jobs)
		return x->jobs < y->jobs ? 1 : -1;
	if (x->last_at_us != y->last_at_us)
		return x->last_at_us < y->last_at_us ? 1 : -1;
	return x->phase != y->phase ? x->phase - y->phase : strcmp(x->error, y->error);
}

/* From a table with free slots to a list. */
static void close_up(struct failures *f)
{
	size_t n = 0;
	for (size_t i = 0; i < f->cap; i++)
		if (f->groups[i].error)
			f->groups[n++] = f->groups[i];
	f->n = n;
	if (n)
		qsort(f->groups, n, sizeof *f->groups, by_jobs);
}

enum status failures_look(
	struct spool *sp, const struct failures_ask *ask, struct failures *out, struct why *why)
{
	*out = (struct failures){.groups = calloc(SLOTS, sizeof *out->groups)};
	if (!out->groups)
		return why_set(why, ST_NOMEM, "out of memory");
	out->cap = SLOTS;
	enum status st = walk(sp, ask, out, why);
	close_up(out);
	return st;
}

void failures_release(struct failures *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->groups[i].error);
	free(f->groups);
	*f = (struct failures){0};
}

/* --- what selects a group --- */

static bool add_part(struct buf *out, struct slice part, size_t *n)
{
	if (part.len < PART_MIN || *n == PARTS_MAX)
		return false;
	++*n;
	buf_text(out, " error~");
	where_quote(out, part);
	return true;
}

/* All that stands between the holes; the whole of it, where there are none. */
static bool add_error(struct buf *out, const char *error)
{
	const char *hole = strstr(error, HOLE);
	size_t n = 0;
	if (!hole) {
		buf_text(out, " error=");
		where_quote(out, slice_text(error));
		return true;
	}
	for (; hole; hole = strstr(error, HOLE)) {
		add_part(out, slice_of(error, (size_t)(hole - error)), &n);
		error = hole + sizeof HOLE - 1;
	}
	add_part(out, slice_text(error), &n);
	return n > 0;
}

bool failure_where(
	const struct failure_group *g, struct slice within, const struct where_env *env, struct buf *out)
{
	size_t at;
	buf_fmt(out, "state=failed %s=%d", phase_word(g->phase), g->phase);
	if (within.len) {
		buf_byte(out, ' ');
		buf_add_slice(out, within);
	}
	if (!add_error(out, g->error) || buf_status(out) != ST_OK)
		return false;
	struct where *where = malloc(sizeof *where);
	bool is_good = where && where_parse(buf_slice(out), env, where, &at, NULL) == ST_OK;
	free(where);
	return is_good;
}

const char *failure_receiver(const struct failure_group *g, const struct opts *opts)
{
	return g->call < 0 ? NULL : opts->receivers[opts->call[g->call].receiver].name;
}

static void text_or_null(struct jx_writer *w, const char *key, const char *text)
{
	if (text && *text)
		jx_cstring(w, key, text);
	else
		jx_null(w, key);
}

void failure_json(
	struct jx_writer *w, const struct failure_group *g, struct slice within, const struct where_env *env)
{
	struct buf where = BUF_INIT(2 * WHERE_TEXT_MAX);
	char id[JOB_ID_TEXT_LEN];
	id_text(g->newest, id);
	jx_int(w, phase_word(g->phase), g->phase);
	text_or_null(w, "receiver", failure_receiver(g, env->opts));
	text_or_null(w, "call", g->call < 0 ? NULL : env->opts->call[g->call].name);
	if (g->status)
		jx_int(w, "status", g->status);
	else
		jx_null(w, "status");
	text_or_null(w, "error", g->error);
	jx_int(w, "jobs", (int64_t)g->jobs);
	jx_time(w, "first_at", g->first_at_us);
	jx_time(w, "last_at", g->last_at_us);
	jx_cstring(w, "newest", id);
	if (failure_where(g, within, env, &where))
		jx_string(w, "where", buf_slice(&where));
	else
		jx_null(w, "where");
	buf_release(&where);
}
