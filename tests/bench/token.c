/* tests/bench/token.c: what it costs to know a token.
 *
 *   bench-token DIR N
 *
 * makes a spool with N tokens in DIR (which must not be there yet), and tells the processor time of one check
 * of a token that is known, and of one of a token that is not, in one line of JSON. */
#include "fcgi/tokens.h"
#include "spool/secret.h"
#include "spool/spool.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CHECKS = 300000 };

static _Noreturn void give_up(const struct why *why)
{
	fprintf(stderr, "bench-token: %s\n", why->text);
	exit(1);
}

static void must(enum status st, const struct why *why)
{
	if (st != ST_OK)
		give_up(why);
}

static void add(struct spool *sp, long nth, char text[TOKEN_TEXT_LEN + 1])
{
	struct token_change change = {.act = TOKEN_ADD,
		.token = {.scopes = SCOPE_SUBMIT, .phases = TOKEN_ALL_PHASES, .user = "seller-*"}};
	struct token after;
	struct why why = WHY_INIT;
	snprintf(change.token.name, sizeof change.token.name, "bench-%ld", nth);
	must(secret_draw(&change.token.now, text, &why), &why);
	must(spool_token_change(sp, clock_now(), &change, slice_text("operator:bench"),
		     (struct slice)SLICE_INIT, &after, &why),
		&why);
}

static double check_us(struct tokens *tokens, const char *text, enum token_verdict want)
{
	struct timespec from, to;
	struct token found;
	int64_t now_us = clock_now().wall_us;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	for (int i = 0; i < CHECKS; i++)
		if (tokens_check(tokens, slice_of(text, TOKEN_TEXT_LEN), now_us, &found) != want)
			give_up(&(struct why){"a check went wrong"});
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	return ((double)(to.tv_sec - from.tv_sec) * 1e6 + (double)(to.tv_nsec - from.tv_nsec) / 1e3) / CHECKS;
}

int main(int argc, char **argv)
{
	char text[TOKEN_TEXT_LEN + 1];
	struct why why = {"usage: bench-token DIR N"};
	if (argc != 3)
		give_up(&why);
	struct spool_conf conf = {.store = "lmdb",
		.path = argv[1],
		.map_size = 64 << 20,
		.full_at_percent = 85,
		.ordering = true};
	struct spool *sp;
	struct tokens *tokens = tokens_new();
	must(spool_init(&conf, &why), &why);
	must(spool_open(&conf, &sp, &why), &why);
	for (long i = 0; i < strtol(argv[2], NULL, 10); i++)
		add(sp, i, text);
	must(tokens ? tokens_renew(tokens, sp, &why) : ST_NOMEM, &why);
	double known = check_us(tokens, text, TOKEN_GOOD);
	text[TOKEN_TEXT_LEN - 1] = text[TOKEN_TEXT_LEN - 1] == '0' ? '1' : '0';
	double unknown = check_us(tokens, text, TOKEN_UNKNOWN);
	printf("{\"known_us\":%.3f,\"unknown_us\":%.3f}\n", known, unknown);
	tokens_free(tokens);
	spool_close(sp);
	return 0;
}
