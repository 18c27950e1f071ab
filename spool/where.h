/* spool/where.h: the one grammar of selection, for the tool, the API and the page:
 *
 *   phase=7 state=failed,held age>1h error~"503" body.amount>100
 *
 * Terms, parted by blanks, must all hold. A term is FIELD OPERATOR VALUE, with blanks around the operator or
 * without; the operators are = != < <= > >= and ~ (contains, in any case of ASCII letters). =, != and ~ take
 * lists: any of the values, for != none of them. A value is a word, or "quoted" with the escapes \" \\ \n \r
 * \t; words hold no blank, comma, quote or control character. != holds wherever = does not, where there is no
 * such value too. clario-spool(8), SELECTING, has the fields.
 *
 * Where a mask hides secrets from who asks, paths of the body that it names are refused, and the texts that
 * it takes secrets out of are compared as they are then shown: else a secret could be guessed letter by
 * letter.
 *
 * Pure: no I/O, no clock (time comes in). */
#ifndef SPOOL_WHERE_H
#define SPOOL_WHERE_H
#include "spool/base/mask.h"
#include "spool/model/steer.h"
#include "spool/opts.h"

enum { WHERE_TEXT_MAX = 2048, WHERE_TERMS_MAX = 32, WHERE_VALUES_MAX = 64, WHERE_PATH_MAX = 16 };

enum where_operator { WHERE_IS, WHERE_IS_NOT, WHERE_LESS, WHERE_MOST, WHERE_MORE, WHERE_LEAST, WHERE_HAS };

struct where_value {
	struct slice text; /* in where.text */
	int64_t number;
	struct job_id id;
};

struct where_field;
struct where_term {
	const struct where_field *field;
	enum where_operator op;
	struct slice path; /* of body: behind "body.", in where.text */
	size_t first, n;   /* of values */
	uint32_t mask;     /* of states or phases, when the field is about them */
};

/* Its terms point into its text: it stays where it was parsed. */
struct where {
	struct where_term terms[WHERE_TERMS_MAX];
	size_t n;
	struct where_value values[WHERE_VALUES_MAX];
	size_t values_n;
	const struct mask *mask; /* texts are compared as they are shown */
	char text[WHERE_TEXT_MAX];
	size_t text_len;
};

struct where_env {
	int64_t now_us;          /* what ages are told from */
	const struct opts *opts; /* whose calls a receiver's phases come from */
	const struct mask *mask; /* what who asks may not see, nor search for; NULL: nothing */
};

/* Empty text: no terms, which all jobs match. INVALID: *why says what is wrong, and *at where in the text. */
NODISCARD enum status where_parse(
	struct slice text, const struct where_env *env, struct where *out, size_t *at, struct why *why);

/* Append a text as a value of a term, whatever is in it but control characters other than \n, \r and \t. */
void where_quote(struct buf *to, struct slice text);

/* Put it into a filter, on top of what that has already: what the store knows an index or a bound for (state,
 * phase, receiver, one workflow, one user, age and time of acceptance) becomes a term of the filter, the rest
 * a test of each job that these select. The filter borrows from *where. */
void where_narrow(const struct where *where, struct job_filter *filter);
/* Whether there is such a rest: jobs must be read to be compared, and not only those that match. */
bool where_is_scan(const struct where *where);
/* A selection that somebody else made, as it may be shown to whom env hides secrets from: "***" if it names
 * what they may not search for, or cannot be read any more. In place, of at most WHERE_TEXT_MAX bytes. */
void where_hide(char text[WHERE_TEXT_MAX + 1], const struct where_env *env);
/* The whole of it, on one job with its payload. */
bool where_matches(const struct where *where, const struct job *job);

#endif
