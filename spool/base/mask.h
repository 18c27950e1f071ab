/* spool/base/mask.h: secrets out of what is shown: the one table of names and places (privacy.secret-fields)
 * that the ops tool, the API, exports and logs go by.
 *
 * Bytes in, bytes out: nothing is parsed into a tree and written again, so all that is no secret stays as it
 * was, byte for byte. Pure. A mask is read-only once it is made: any number of threads may use one. Where a
 * function takes a mask, NULL hides nothing. */
#ifndef SPOOL_BASE_MASK_H
#define SPOOL_BASE_MASK_H
#include "spool/base/buf.h"

struct mask;

#define MASK_DEFAULT_FIELDS                                                                                  \
	"*token*, *password*, *passwd*, *passphrase*, *secret*, *authorization*, *api_key*, *private_key*, " \
	"*credential*, *cookie*"

/* fields: separated by commas or line feeds. A name stands for every member of that name, at any depth;
 * letters in any case, - and _ do not count, and a * before or after it stands for anything. What begins with
 * / is a JSON pointer (RFC 6901), from the root of each document. "" hides nothing by name or place. INVALID:
 * *why tells which of them is none, and why. */
NODISCARD enum status mask_new(const char *fields, struct mask **out, struct why *why);
void mask_free(struct mask *mask); /* accepts NULL */

bool mask_has_name(const struct mask *mask, struct slice name);

/* Append a document with the values of secret members replaced by "***", whatever they are. What is no JSON
 * is "***" as a whole: nobody knows what it says. Nothing for nothing. */
void mask_json(const struct mask *mask, struct slice json, struct buf *out);

/* Append a text for people with *** in place of what looks like a secret in it: what follows Bearer or Basic,
 * a JWT, the value of a header that carries credentials, and of a member or parameter with a secret name. */
void mask_text(const struct mask *mask, struct slice text, struct buf *out);

/* The text of a member called name: "***" if that is a secret name, else as mask_text(). */
void mask_member(const struct mask *mask, const char *name, struct slice text, struct buf *out);

/* Append a text with *** in place of these, wherever they stand. Those of fewer than MASK_KNOWN_MIN bytes are
 * passed over: they would be found in any text. */
enum { MASK_KNOWN_MIN = 4 };
void mask_known(const struct slice *secrets, size_t n, struct slice text, struct buf *out);

#endif
