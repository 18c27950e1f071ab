/* spool/secret.h: the secrets of tokens: drawn, and known again by their digest. The one file of this room
 * that uses libcrypto. Threads: any. */
#ifndef SPOOL_SECRET_H
#define SPOOL_SECRET_H
#include "spool/model/token.h"

/* Draw a new text for a bearer (getrandom): its prefix and its digest into *out, the text itself, which
 * nobody can tell again, into text. IO: there is no randomness. The caller wipes text when it is told. */
NODISCARD enum status secret_draw(struct token_secret *out, char text[TOKEN_TEXT_LEN + 1], struct why *why);

/* SHA-256. false: libcrypto has none, and nobody can be known. */
bool secret_digest(struct slice text, uint8_t out[TOKEN_DIGEST_LEN]);

#endif
