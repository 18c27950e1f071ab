/* spool/ctl/cmd_token.c: tokens: who may come in with one, and for what. The text that its bearer is to show
 * is told once, on the standard output and nothing else there, so that it can go where it is to be kept
 * without being seen. */
#include "spool/base/clock.h"
#include "spool/ctl/ctl.h"
#include "spool/ctl/out.h"
#include "spool/secret.h"
#include "spool/show.h"

#include <stdlib.h>
#include <string.h>

#define OVERLAP_DEFAULT_US (INT64_C(24) * 3600 * 1000000)

/* --- looking --- */

struct tokens {
	struct token *list;
	size_t n;
};

/* More may come between counting and reading them. The caller frees the list. */
static enum status read_all(struct ctl *ctl, struct tokens *out, struct why *why)
{
	size_t cap;
	*out = (struct tokens){0};
	do {
		cap = out->n;
		free(out->list);
		out->list = calloc(cap + 1, sizeof *out->list);
		if (!out->list)
			return why_set(why, ST_NOMEM, "out of memory");
		enum status st = spool_tokens(ctl->spool, out->list, cap, &out->n, why);
		if (st != ST_OK)
			return st;
	} while (out->n > cap);
	return ST_OK;
}

static const struct out_column columns[] = {{"TOKEN", false, false}, {"STATE", false, false},
	{"PREFIX", false, false}, {"SCOPES", false, false}, {"PHASES", false, false}, {"USER", false, true},
	{"EXPIRES", false, false}, {"OLD PREFIX", false, false}, {"UNTIL", false, false}};
enum { COLUMNS = sizeof columns / sizeof *columns };

static void add_word(char *list, size_t cap, const char *word)
{
	size_t len = strlen(list);
	snprintf(list + len, cap - len, "%s%s", len ? "," : "", word);
}

static void name_scopes(const struct token *t, char *out, size_t cap)
{
	*out = '\0';
	for (unsigned scope = SCOPE_SUBMIT; scope <= SCOPE_OPERATE; scope <<= 1)
		if (t->scopes & scope)
			add_word(out, cap, scope_name((enum scope)scope));
}

static void name_phases(const struct token *t, char *out, size_t cap)
{
	*out = '\0';
	for (int slot = 0; slot < PHASE_SLOTS && t->phases != TOKEN_ALL_PHASES; slot++) {
		char number[12];
		snprintf(number, sizeof number, "%d", phase_of_slot(slot));
		if (t->phases >> slot & 1)
			add_word(out, cap, number);
	}
	if (!*out)
		snprintf(out, cap, "all");
}

static bool add_row(struct libscols_table *table, const struct token *t, int64_t now_us)
{
	char scopes[40], phases[40], expires[32], until[32];
	enum token_state state = token_state(t, now_us);
	bool has_old = state == TOKEN_ROTATING;
	name_scopes(t, scopes, sizeof scopes);
	name_phases(t, phases, sizeof phases);
	const char *texts[COLUMNS] = {t->name, token_state_name(state), t->now.prefix, scopes, phases,
		t->user[0] ? t->user : "all",
		t->expires_at_us ? out_time(expires, t->expires_at_us) : "never",
		has_old ? t->old.prefix : "-", out_time(until, has_old ? t->old_until_us : 0)};
	return out_row(table, texts, COLUMNS);
}

static bool print_line(const struct token *t, int64_t now_us)
{
	struct buf line;
	struct jx_writer w;
	out_json_begin(&line, &w);
	show_token(&w, t, now_us);
	return out_json_end(&line);
}

int cmd_tokens(struct ctl *ctl)
{
	struct why why = WHY_INIT;
	struct tokens all;
	int64_t now_us = clock_now().wall_us;
	bool json = ctl_has(ctl, OPTION_JSON);
	enum status st = read_all(ctl, &all, &why);
	struct libscols_table *table = st == ST_OK && !json ? out_table(columns, COLUMNS) : NULL;
	bool ok = json || table;
	for (size_t i = 0; st == ST_OK && ok && i < all.n; i++)
		ok = json ? print_line(&all.list[i], now_us) : add_row(table, &all.list[i], now_us);
	free(all.list);
	if (table)
		out_table_end(table);
	if (st != ST_OK)
		return ctl_fail(st, &why);
	return ok ? CTL_DONE : DAEMON_SYSTEM;
}

/* --- changing --- */

static bool complain(const char *what)
{
	fprintf(stderr, "clario-spool: %s\n", what);
	return false;
}

/* Everything that is not told is everything: all phases, all users, no end. But for scopes: who forgot them
 * does not mean all. */
static bool take_limits(const struct ctl *ctl, struct token *t)
{
	struct slice user = ctl->filter.user_id;
	t->scopes = ctl->scopes;
	t->phases = ctl->phases ? ctl->phases : TOKEN_ALL_PHASES;
	t->expires_at_us = ctl->expires_at_us;
	if (!t->scopes)
		return complain(
			"token add: --scope is missing: submit, read, operate, or several with commas");
	if (!token_user_is_valid(user) || (ctl_has(ctl, OPTION_USER) && !user.len))
		return complain("--user: not a user_id of up to 256 bytes, nor what one begins with and a *");
	memcpy(t->user, user.p ? user.p : "", user.len);
	return true;
}

static bool take_change(const struct ctl *ctl, struct token_change *change)
{
	const char *name = ctl->args[0];
	*change = (struct token_change){.act = (enum token_act)ctl->command->arg,
		.overlap_us = ctl_has(ctl, OPTION_OVERLAP) ? ctl->overlap_us : OVERLAP_DEFAULT_US};
	if (!token_name_is_valid(slice_text(name))) {
		fprintf(stderr, "clario-spool: %s: a token's name has 1 to %d of A-Z a-z 0-9 . _ -\n", name,
			TOKEN_NAME_MAX);
		return false;
	}
	snprintf(change->token.name, sizeof change->token.name, "%s", name);
	return change->act != TOKEN_ADD || take_limits(ctl, &change->token);
}

/* That it is there already, is unknown or is over are answers: no. */
static int fail(enum status st, const struct why *why)
{
	int code = ctl_fail(st, why);
	return st == ST_EXISTS || st == ST_NOTFOUND || st == ST_CONFLICT ? CTL_NO : code;
}

static void talk(const struct token *t, enum token_act act, int64_t now_us)
{
	char time[32];
	fprintf(stderr, "clario-spool: token %s (%s) ", t->name, t->now.prefix);
	if (act == TOKEN_REVOKE && t->revoked_at_us != now_us)
		fprintf(stderr, "was revoked already, at %s UTC\n", out_time(time, t->revoked_at_us));
	else if (act == TOKEN_REVOKE)
		fputs("is revoked\n", stderr);
	else if (act == TOKEN_ADD)
		fprintf(stderr, "is good from now on%s%s; its text is told this once\n",
			t->expires_at_us ? ", until UTC " : "",
			t->expires_at_us ? out_time(time, t->expires_at_us) : "");
	else
		fprintf(stderr,
			"is good from now on, and the old one (%s) %s%s; its text is told this once\n",
			t->old.prefix[0] ? t->old.prefix : "-", t->old.prefix[0] ? "until UTC " : "no longer",
			t->old.prefix[0] ? out_time(time, t->old_until_us) : "");
}

int cmd_token_change(struct ctl *ctl)
{
	char text[TOKEN_TEXT_LEN + 1] = "";
	struct token_change change;
	struct token after;
	struct why why = WHY_INIT;
	struct moment now = clock_now();
	enum status st = ST_OK;
	if (!take_change(ctl, &change))
		return DAEMON_USAGE;
	if (change.act != TOKEN_REVOKE)
		st = secret_draw(&change.token.now, text, &why);
	if (st == ST_OK)
		st = spool_token_change(ctl->spool, now, &change, slice_text(ctl->actor),
			slice_text(ctl->reason), &after, &why);
	if (st == ST_OK) {
		talk(&after, change.act, now.wall_us);
		if (*text)
			puts(text);
	}
	explicit_bzero(text, sizeof text);
	return st == ST_OK ? CTL_DONE : fail(st, &why);
}
