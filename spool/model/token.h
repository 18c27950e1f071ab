/* spool/model/token.h: a token: what whoever bears it is called and may do. Written once for every engine.
 * Pure: no I/O, no clock, no cryptography.
 *
 * What its bearer shows is a text: a prefix that tells which token it is, and a secret of 256 random bits.
 * The text is nowhere but with its bearer; known of it are the prefix and the SHA-256 of the whole. A token
 * that is rotated has two such texts for a while: the new one, and the old one until old_until_us. */
#ifndef SPOOL_MODEL_TOKEN_H
#define SPOOL_MODEL_TOKEN_H
#include "spool/model/event.h"

/* Stored by number (FORMAT.md): never renumber. */
enum scope {
	SCOPE_NONE = 0, /* of a route: for everybody, it tells nothing about jobs */
	SCOPE_SUBMIT = 1,
	SCOPE_READ = 2,
	SCOPE_OPERATE = 4,
	SCOPE_ALL = 7
};
const char *scope_name(enum scope scope); /* of one: "submit", "read", "operate" */
bool scope_parse(struct slice name, enum scope *out);

enum {
	TOKEN_NAME_MAX = 32,
	TOKEN_PREFIX_LEN = 16, /* "clw_" and 12 hexadecimal digits */
	TOKEN_SECRET_LEN = 64, /* digits */
	TOKEN_TEXT_LEN = TOKEN_PREFIX_LEN + 1 + TOKEN_SECRET_LEN,
	TOKEN_DIGEST_LEN = 32,
	TOKEN_ALL_PHASES = 0xfff,
};
#define TOKEN_MARK "clw_"
/* Of its end: what an export carries. */
#define TOKEN_TIME_MAX ((INT64_C(1) << 53) - 1)

/* The source of a job, and the actor of an event, that were a token's bearer: this and the token's name.
 * Nobody who only says who he is gets to say that. */
#define TOKEN_SOURCE "token:"
bool token_is_source(struct slice source);
/* As well an operator's: what no caller can say of himself. */
bool token_is_proved(struct slice source);

struct token_secret {
	char prefix[TOKEN_PREFIX_LEN + 1]; /* "": none */
	uint8_t digest[TOKEN_DIGEST_LEN];  /* SHA-256 of the text */
	int64_t created_at_us;
};

struct token {
	char name[TOKEN_NAME_MAX + 1];
	uint32_t scopes;             /* of enum scope, at least one */
	uint32_t phases;             /* bits of phase_slot(), at least one: whose jobs it is for */
	char user[JOB_TEXT_MAX + 1]; /* "": everybody's jobs; a user_id; or what one begins with, and "*" */
	int64_t created_at_us;
	int64_t expires_at_us; /* 0: never */
	int64_t revoked_at_us; /* 0: it was not */
	struct token_secret now, old;
	int64_t old_until_us;
};

enum token_state { TOKEN_ACTIVE, TOKEN_ROTATING, TOKEN_EXPIRED, TOKEN_REVOKED, TOKEN_STATE_N };
const char *token_state_name(enum token_state state);
enum token_state token_state(const struct token *t, int64_t now_us);

/* 1 to TOKEN_NAME_MAX of A-Z a-z 0-9 . _ - */
bool token_name_is_valid(struct slice name);
/* Nothing but its name, which is valid. */
void token_init(struct token *out, struct slice name);
/* "", or at most JOB_TEXT_MAX bytes with no control bytes, and no "*" but at its end. */
bool token_user_is_valid(struct slice pattern);
/* Whether a text has the form of one that a bearer shows; its first TOKEN_PREFIX_LEN bytes are the prefix. */
bool token_text_is_valid(struct slice text);
bool token_prefix_is_valid(struct slice prefix);
/* Whether everything in it is what it may be: what was read is not trusted before. */
bool token_is_valid(const struct token *t);

/* Whether one of a token's two secrets, which was shown, opens the door now; and if not, why. */
enum token_verdict { TOKEN_GOOD, TOKEN_UNKNOWN, TOKEN_WAS_REVOKED, TOKEN_HAS_EXPIRED, TOKEN_WAS_REPLACED };
enum token_verdict token_judge(const struct token *t, const struct token_secret *shown, int64_t now_us);

enum token_act { TOKEN_ADD, TOKEN_ROTATE, TOKEN_REVOKE };
struct token_change {
	enum token_act act;
	struct token token; /* add: the new one, but for its times. rotate: name and `now`. revoke: name */
	int64_t overlap_us; /* rotate: how long the old secret stays good; 0: it ends at once */
};

/* Make the change to *t, which is what stands under that name as far as `there` tells: OK, NOTFOUND, or
 * CORRUPT or VERSION (it cannot be read, lets nobody in, and only add helps). *is_changed false on ST_OK: it
 * was so already. A name is taken until its token is revoked.
 * EXISTS, NOTFOUND, INVALID, CORRUPT; CONFLICT: it is over, so there is nothing to rotate. */
enum status token_apply(struct token *t, const struct token_change *change, enum status there, int64_t now_us,
	bool *is_changed, struct why *why);

/* What the event of a change tells, as JSON: prefixes, scopes, phases, user, times; nothing secret. */
void token_tell(const struct token *t, enum token_act act, struct buf *out);
const char *token_act_name(enum token_act act); /* "added", "rotated", "revoked" */

/* Members scopes and phases: arrays, phases null when they are all. */
struct jx_writer;
void token_write_limits(struct jx_writer *w, const struct token *t);

/* What tells of a change; words and *data (which token_tell() has written) must last as long as the event. */
enum { TOKEN_WORDS_MAX = EVENT_REASON_MAX + 16, TOKEN_TELL_MAX = 2048 };
struct event token_event(const struct token *t, enum token_act act, struct slice actor, struct slice reason,
	struct moment now, char words[TOKEN_WORDS_MAX], const struct buf *data);

#endif
